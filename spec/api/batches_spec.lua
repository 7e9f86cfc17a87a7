-- Batches: from a file of requests to the files of their answers and errors.

local novita = require("novita")

local talk = require("spec.support.client")

local client

before_each(function()
  talk.sim:reset()
  client = talk.client()
end)

local function line(id, model)
  return novita.json.encode {
    custom_id = id,
    body = { model = model, messages = { { role = "user", content = "Say " .. id } } },
  } .. "\n"
end

local function input(lines)
  return assert(client.files:upload { bytes = lines, filename = "in.jsonl" }).id
end

local function answers(id)
  local found = {}
  for text in assert(client.files:content(id)):gmatch("[^\n]+") do
    local answer = novita.json.decode(text)
    found[answer.custom_id] = answer.response
  end
  return found
end

describe("a batch", function()
  it("is created, goes on, and ends in files of answers and errors", function()
    local lines = line("a", talk.MODEL) .. line("b", talk.MODEL) .. line("c", "no/such")
    local batch = assert(client.batches:create { input_file_id = input(lines) })
    local states = { batch.status }
    for index = 2, 3 do
      batch = assert(client.batches:get(batch.id))
      states[index] = batch.status
    end
    assert.are.same({ "validating", "PROGRESS", "COMPLETED" }, states)
    assert.are.same({ total = 3, completed = 2, failed = 1 }, batch.request_counts)
    local good, bad = answers(batch.output_file_id), answers(batch.error_file_id)
    assert.are.same({ "Say a", "Say b" }, {
      good.a.body.choices[1].message.content, good.b.body.choices[1].message.content })
    assert.are.equal(404, bad.c.status_code)
  end)

  it("is for chats, unless another endpoint is named", function()
    local id = input(line("a", talk.MODEL))
    assert.are.equal("/v1/chat/completions",
      assert(client.batches:create { input_file_id = id }).endpoint)
    local batch = assert(client.batches:create {
      input_file_id = id, endpoint = "/v1/completions", completion_window = "48h",
    })
    assert.are.same({ "/v1/completions", "48h" }, { batch.endpoint, batch.completion_window })
  end)

  it("is listed and cancelled", function()
    local batch = assert(client.batches:create { input_file_id = input(line("a", talk.MODEL)) })
    assert.are.equal(batch.id, assert(client.batches:list { limit = 5 }).data[1].id)
    assert.are.equal("CANCELLING", assert(client.batches:cancel(batch.id)).status)
    assert.are.equal("CANCELLED", assert(client.batches:get(batch.id)).status)
    local entry = talk.sim:journal()[4]
    assert.are.same({ "POST", "/openai/v1/batches/" .. batch.id .. "/cancel" },
      { entry.method, entry.path })
  end)

  it("is not tried again after a failure that may have created one", function()
    local id = input(line("a", talk.MODEL))
    local function attempts(step, retry)
      talk.sim:script { step }
      local own = talk.client { retry = retry or { attempts = 2, initial_delay = 0 } }
      local batch, info = own.batches:create { input_file_id = id }
      return #info.attempts, batch ~= nil
    end
    assert.are.same({ 1, false }, { attempts { status = 500, connection = "close" } })
    assert.are.same({ 1, false }, { attempts { raw = "", ending = "reset" } })
    assert.are.same({ 2, true }, { attempts { status = 429 } })
    assert.are.same({ 2, true }, { attempts({ status = 500 },
      { attempts = 2, initial_delay = 0, when = function() return true end }) })
    assert.are.equal(1, #assert(client.files:list()).data)
  end)

  it("that can't be is an error", function()
    assert.are.equal("input_file_id: is missing", select(2, client.batches:create {}).message)
    assert.are.equal("not_found", select(2, client.batches:create { input_file_id = "x" }).kind)
    assert.are.equal("not_found", select(2, client.batches:get("x")).kind)
    assert.are.equal("config", select(2, client.batches:cancel("")).kind)
    talk.sim:script { { body = "{}" } }
    assert.are.equal("invalid_response", select(2, client.batches:list()).kind)
  end)
end)
