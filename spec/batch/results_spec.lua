-- Lines of the results of the Batch API, in all shapes that they may have.

local novita = require("novita")
novita.new()
local results = require("novita.batch.results")

local CHOICES = '"choices":[{"index":0,"message":{"role":"assistant","content":"x"}}]'

-- The kind, status, message and code of the error in a line.
local function error_in(text)
  local err = results.read(text, true).err
  return { err.kind, err.status, err.message, err.code }
end

describe("a line of results", function()
  it("has the answer with its bytes", function()
    local found = results.read('{"custom_id":"a","response":{"status_code":200,"request_id":"q",'
      .. '"body":{ "n":1.0,' .. CHOICES .. '} } ,"error":""}', true)
    assert.are.same({ "a", 200, "q" }, { found.id, found.status, found.request_id })
    assert.are.equal('{ "n":1.0,' .. CHOICES .. '}', found.bytes)
    assert.are.equal("x", found.body.choices[1].message.content)
    assert.is_nil(found.err)
    assert.is_nil(results.read('{"custom_id":7,"response":{"body":{"data":[]}},"error":{}}',
      false).err)
  end)

  it("has an error of the status, in the body, beside it, or in its place", function()
    for text, wanted in pairs {
      ['"response":{"status_code":404,"body":{"code":404,"reason":"R","message":"no model"}}'] =
        { "not_found", 404, "no model", 404 },
      ['"response":{"status_code":429,"body":{"error":{"message":"slow","code":"x"}}}'] =
        { "rate_limit", 429, "slow", "x" },
      ['"response":{"status_code":500,"body":"<html>"}'] = { "server", 500, "<html>" },
      ['"response":null,"error":{"code":"batch_expired","message":"too late"}'] =
        { "api_error", nil, "too late", "batch_expired" },
      ['"error":{"code":400,"message":"bad"}'] = { "bad_request", 400, "bad", 400 },
      ['"response":{},"error":"all wrong"'] = { "api_error", nil, "all wrong" },
      ['"code":"401","message":"who?"'] = { "authentication", 401, "who?", "401" },
      ['"response":null'] = { "api_error", nil, "the server names no error" },
      ['"response":{"status_code":200,"body":{"x":1}}'] =
        { "invalid_response", 200, "the response can't be used: no answer in it" },
      ['"response":{"status_code":418,"body":null}'] =
        { "api_status", 418, "the server names no error" },
    } do
      assert.are.same(wanted, error_in('{"custom_id":"a",' .. text .. '}'), text)
    end
  end)

  it("is nothing without an id, or what is no object", function()
    for _, text in ipairs { '{"response":{}}', '{"custom_id":""}', '{"custom_id":{}}', "[1]" } do
      assert.is_nil(results.read(text, true))
    end
  end)
end)
