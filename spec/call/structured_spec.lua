-- The option parse: an answer as a checked value, plain and streamed, and again if it does not fit.

local novita = require("novita")

local bad = require("novita.retry").bad
local talk = require("spec.support.client")
local tries = require("spec.support.attempts")

local FORMAT = { name = "city", schema = {
  type = "object", required = { "name", "size" },
  properties = {
    name = { type = "string" }, size = { type = "integer" },
    hues = { type = "array", items = { type = "string", enum = { "red", "blue" } } },
  },
} }

local function says(content, more)
  local answer = { content = content }
  for name, value in pairs(more or {}) do answer[name] = value end
  return { answer = answer }
end

local GOOD, SHORT = says('{"name":"Rome","size":3}'), says('{"name":"Rome"}')

local function ask(step, options, fields)
  talk.sim:reset()
  talk.sim:script { step }
  local all = { parse = true }
  for name, value in pairs(options or {}) do all[name] = value end
  local request = talk.request { response_format = FORMAT }
  for name, value in pairs(fields or {}) do request[name] = value end
  return talk.client():chat(request, all)
end

local ways = {
  plain = {}, ["with on_text"] = { on_text = function() end },
}

describe("parse = true", function()
  before_each(function() talk.sim:reset() end)

  for way, options in pairs(ways) do
    it("gives the value beside the reply, " .. way, function()
      local reply = assert(ask(GOOD, options))
      assert.are.same({ name = "Rome", size = 3 }, reply.parsed)
      assert.are.equal('{"name":"Rome","size":3}', reply:text())
    end)

    it("refuses an answer that does not fit, by its place, " .. way, function()
      local reply, err = ask(says('{"name":"Rome","size":3,"hues":["red","pink"]}'), options)
      assert.is_nil(reply)
      assert.are.equal("invalid_response", err.kind)
      assert.are.equal("hues[2]", err.param)
      assert.are.equal("the answer does not match the schema: hues[2]: is not one of the "
        .. "values in the schema", err.message)
      assert.are.equal(200, err.status)
      assert.are.equal(1, #err.attempts)
      assert.are.equal('{"name":"Rome","size":3,"hues":["red","pink"]}', err.partial:text())
      assert.is_nil(err.partial.parsed)
    end)

    it("refuses what is no JSON, and what was cut, " .. way, function()
      local _, err = ask(says("Rome"), options)
      assert.are.equal("invalid_response", err.kind)
      _, err = ask(says('{"name"', { finish_reason = "length" }), options)
      assert.are.equal("length_finish", err.kind)
    end)

    it("has no value where the model refuses or calls tools, " .. way, function()
      local reply = assert(ask(says("", { message = { refusal = "No." } }), options))
      assert.is_nil(reply.parsed)
      reply = assert(ask({ answer = { tool_calls = { { name = "f" } } } }, options))
      assert.is_nil(reply.parsed)
    end)
  end

  it("reads the schema in the API's own form, and no schema at all", function()
    local own = { type = "json_schema", json_schema = FORMAT }
    local _, err = ask(SHORT, nil, { response_format = own })
    assert.are.equal("size", err.param)
    local reply = assert(ask(SHORT, nil, { response_format = "json_object" }))
    assert.are.same({ name = "Rome" }, reply.parsed)
  end)

  it("is for the end of a stream too", function()
    talk.sim:script { GOOD, SHORT }
    local request = talk.request { response_format = FORMAT }
    local client = talk.client { parse = true }
    assert.are.equal(3, assert(client:stream(request)):reply().parsed.size)
    local _, err = assert(client:stream(request)):reply()
    assert.are.equal("size", err.param)
  end)

  it("leaves an answer that was stopped as it is", function()
    local reply = assert(ask(GOOD, { on_text = function() return false end }))
    assert.is_true(reply.incomplete)
    assert.is_nil(reply.parsed)
  end)

  it("asks again with retry_if, which is told the error", function()
    local told = {}
    local outcome = tries.chat({ says("Rome"), SHORT, GOOD }, {
      parse = true, retry = { retry_if = function(reply, err)
        told[#told + 1] = err and (err.param or err.kind) or reply.parsed.size
        return bad.misfit(reply, err)
      end },
    }, talk.request { response_format = FORMAT })
    assert.are.same({ "invalid_response", "size", 3 }, told)
    assert.are.equal(3, outcome.reply.parsed.size)
    assert.are.equal(3, #outcome.info.attempts)
  end)

  it("says where the last answer did not fit, if none did", function()
    local outcome = tries.chat({ SHORT, says('{"size":3}') }, {
      parse = true, retry = { attempts = 2, retry_if = bad.misfit },
    }, talk.request { response_format = FORMAT })
    local err = outcome.err
    assert.are.same({ "invalid_response", "name", "misfit", 2 },
      { err.kind, err.param, err.reason, #err.attempts })
    assert.are.equal('{"size":3}', err.reply:text())
  end)

  it("says of other errors what they are", function()
    local outcome = tries.chat({ SHORT, { status = 400 } }, {
      parse = true, retry = { attempts = 3, retry_if = bad.misfit },
    }, talk.request { response_format = FORMAT })
    assert.are.equal("bad_request", outcome.err.kind)
  end)

  it("is in the log once, as a failure", function()
    local events = {}
    ask(SHORT, { log = function(level, event)
      events[#events + 1] = level .. " " .. event.event
    end })
    assert.are.same({ "info attempt", "error failure" }, events)
  end)

  it("is for map and start as well", function()
    talk.sim:always(GOOD)
    local client = talk.client { parse = true }
    local replies = client:map({ 1, 2 }, talk.request { response_format = FORMAT })
    assert.are.same({ 3, 3 }, { replies[1].parsed.size, replies[2].parsed.size })
    for _, on_text in ipairs { false, function() end } do
      local size
      client:start(talk.request { response_format = FORMAT }, {
        on_text = on_text or nil, on_done = function(reply) size = reply.parsed.size end,
      })
      novita.run()
      assert.are.equal(3, size)
    end
  end)

  it("raises if it is not true or false", function()
    assert.has_error(function() talk.client { parse = "yes" } end)
  end)
end)
