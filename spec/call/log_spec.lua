-- What a client logs, and what it never does (behaviour 16).

local clock = require("spec.support.clock")
local simulator = require("spec.support.simulator_client")
local talk = require("spec.support.client")

local SECRETS = { talk.KEY, "0123456789abcdef", "Bearer", "prompt of the user",
  "answer of the model",
  "system words", "query", "cookie value" }

-- The events of a call for which these steps are scripted.
local function logged(steps, options, method)
  talk.sim:reset()
  talk.sim:script(steps)
  local events = {}
  local all = { loop = clock.skipping(), retry = "default", log = function(level, event)
    events[#events + 1] = { level = level, event = event }
  end }
  for name, value in pairs(options or {}) do all[name] = value end
  local client = talk.client(all)
  local request = method ~= "models" and talk.request {
    message = "prompt of the user", system_prompt = "system words",
  } or nil
  local value, info = client[method or "chat"](client, request)
  return events, value, info
end

local function each_string(value, fn)
  if type(value) == "table" then
    for key, item in pairs(value) do
      each_string(key, fn)
      each_string(item, fn)
    end
  else
    fn(tostring(value))
  end
end

local function without_secrets(events)
  each_string(events, function(text)
    for _, secret in ipairs(SECRETS) do
      assert.is_nil(text:lower():find(secret:lower(), 1, true), text)
    end
  end)
end

describe("the log of a call", function()
  it("has one event for an attempt that succeeds", function()
    local events, _, info = logged {}
    assert.are.equal(1, #events)
    assert.are.equal("info", events[1].level)
    local event = events[1].event
    assert.are.equal("attempt", event.event)
    assert.are.equal("POST", event.method)
    assert.are.equal(1, event.attempt)
    assert.are.equal(200, event.status)
    assert.are.equal(info.request_id, event.request_id)
    assert.is_true(event.duration > 0 and event.duration < 1)
  end)

  it("has the attempts and the waits between them", function()
    local events = logged { { status = 503 }, { cut = 20 } }
    local names = {}
    for index, entry in ipairs(events) do
      names[index] = entry.level .. " " .. entry.event.event .. " " .. entry.event.attempt
    end
    assert.are.same({
      "warn attempt 1", "info wait 1", "warn attempt 2", "info wait 2", "info attempt 3",
    }, names)
    assert.are.equal(503, events[1].event.status)
    assert.are.equal("server", events[1].event.kind)
    assert.is_truthy(events[1].event.request_id)
    assert.is_true(events[2].event.delay >= 0.75)
    assert.are.equal("connection", events[3].event.kind)
    assert.are.equal(18, events[3].event.curl_code) -- CURLE_PARTIAL_FILE
  end)

  it("ends with the failure", function()
    local events, _, err = logged({ { status = 503 }, { status = 404 } })
    local last = events[#events]
    assert.are.equal("error", last.level)
    assert.are.equal("failure", last.event.event)
    assert.are.equal("not_found", last.event.kind)
    assert.are.equal(404, last.event.status)
    assert.are.equal(2, last.event.attempts)
    assert.are.equal(err.request_id, last.event.request_id)
  end)

  it("tells of streams until they begin, and of models", function()
    local events, stream = logged({ { status = 500 } }, nil, "stream")
    assert.are.equal(3, #events)
    assert.are.equal(200, events[3].event.status)
    stream:cancel()
    events = logged({}, nil, "models")
    assert.are.equal("GET", events[1].event.method)
  end)

  it("leaves retry.before alone", function()
    local told
    local events = logged({ { status = 500 } }, { retry = {
      before = function(attempt, err, delay) told = { attempt, err.status, delay } end,
    } })
    assert.are.same({ 1, 500, events[2].event.delay }, told)
  end)

  it("passes on what it raises", function()
    local reason = {}
    local ok, err = pcall(logged, {}, { log = function() error(reason) end })
    assert.is_false(ok)
    assert.are.equal(reason, err)
  end)

  it("is told nothing where nothing is sent", function()
    local events = logged({}, { vars = {}, api_key = "sk bad" })
    for _, entry in ipairs(events) do assert.is_nil(entry.event.status) end
    without_secrets(events)
  end)
end)

describe("no secret is in the log of", function()
  local echo = { envelope = "C", message = "prompt of the user, " .. talk.KEY, param = "prompt" }
  local cases = {
    ["a refusal that repeats the prompt and the key"] = {
      { status = 400, envelope = "C", message = echo.message, type = "prompt of the user",
        code = talk.KEY } },
    ["a reason made of the prompt"] = { { status = 503, reason = "prompt of the user" } },
    ["an account without money"] = { { status = 403, reason = "NOT_ENOUGH_BALANCE" } },
    ["a wrong key"] = { { status = 401, message = talk.KEY } },
    ["an answer that is no JSON"] = { { body = "answer of the model" } },
    ["a body that breaks off"] = { { cut = 60 }, { cut = 60, ending = "reset" } },
    ["headers of all kinds"] = { { status = 503, headers = {
      ["Set-Cookie"] = "cookie value", ["x-api-key"] = talk.KEY, authorization = talk.KEY } } },
    ["a redirect"] = { { redirect = "http://127.0.0.1/?query=" .. talk.KEY } },
    ["an answer"] = { { answer = { content = "answer of the model" } } },
  }
  for name, steps in pairs(cases) do
    it(name, function()
      for _, method in ipairs { "chat", "stream" } do
        local events, value = logged(steps, nil, method)
        if value and method == "stream" then value:reply() end
        assert.is_true(#events > 0)
        without_secrets(events)
      end
    end)
  end

  it("a connection that fails", function()
    without_secrets((logged({}, { base_url = simulator.refused() })))
  end)

  it("a base_url with a query", function()
    without_secrets((logged({}, { base_url = talk.sim.url .. "?query=" .. talk.KEY })))
  end)
end)
