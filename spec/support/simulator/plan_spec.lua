-- What a step makes of the head, the body and its framing.

local ask = require("spec.support.simulator_http")
local simulator = require("spec.support.simulator_client")

local sim

describe("steps", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("set status, phrase, version, headers and body", function()
    local answer = ask.after {
      status = 418, phrase = "I am a teapot", version = "1.0", body = "short\0stout",
      content_type = "text/tea", headers = { { "A", "1" }, { "A", "2" }, ["x-b"] = "3" },
    }
    assert.are.equal("HTTP/1.0 418 I am a teapot", answer.line)
    assert.are.equal("short\0stout", answer.body)
    assert.are.equal("text/tea", answer.header["content-type"])
    assert.are.same({ { "A", "1" }, { "A", "2" }, { "x-b", "3" } },
      { answer.headers[#answer.headers - 2], answer.headers[#answer.headers - 1],
        answer.headers[#answer.headers] })
  end)

  it("replace default headers, or leave only their own", function()
    local answer = ask.after { headers = { ["X-Request-Id"] = "mine" } }
    assert.are.equal("mine", answer.header["x-request-id"])
    local wire = ask.open_after { headers_only = true, headers = { { "A", "1" } }, body = "x",
      ending = "close" }
    assert.are.equal("HTTP/1.1 200 OK\r\nA: 1\r\n\r\nx", wire:read_all())
  end)

  it("answer errors in every shape", function()
    local cases = {
      { { status = 429 }, '^{"code":429,"reason":"RATE_LIMIT_EXCEEDED","message":' },
      { { status = 429, reason = "TOKEN_LIMIT_EXCEEDED" }, '"reason":"TOKEN_LIMIT_EXCEEDED"' },
      { { status = 503 }, '"reason":"SERVICE_NOT_AVAILABLE"' },
      { { status = 429, envelope = "B" }, '^{"message":"server overload.*"server_overload"}\n$' },
      { { status = 400, envelope = "B", code = "500" }, '^{"code":"500","message":' },
      { { status = 500, envelope = "C", message = "no" }, '^{"error":{.*"message":"no"' },
      { { status = 502, envelope = "html" }, "^<!DOCTYPE html>" },
      { { status = 403, envelope = "text", message = "error code: 1010" }, "^error code: 1010$" },
      { { status = 500, envelope = "empty" }, "^$" },
      { { envelope = "C", code = 429 }, '"code":429' },
    }
    for _, case in ipairs(cases) do
      local answer = ask.after(case[1])
      assert.are.equal(case[1].status or 200, answer.status)
      assert.is_truthy(answer.body:find(case[2]), answer.body)
    end
  end)

  it("redirect", function()
    local answer = ask.after { redirect = "http://127.0.0.1:1/x" }
    assert.are.equal(307, answer.status)
    assert.are.equal("http://127.0.0.1:1/x", answer.header.location)
    assert.are.equal(302, ask.after({ status = 302, redirect = "/" }).status)
  end)

  it("repeat a body", function()
    assert.are.equal("ababab", ask.after({ body = "ab", body_times = 3 }).body)
  end)

  it("frame bodies in any way", function()
    local answer = ask.after { body = "abc", chunked = true }
    assert.is_nil(answer.header["content-length"])
    assert.are.same({ "abc" }, answer.chunks)
    answer = ask.after { body = "abc", content_length = false }
    assert.is_nil(answer.header["content-length"])
    assert.are.equal("close", answer.header.connection)
    assert.are.equal("abc", answer.body)
    local wire = ask.open_after { body = "abc", content_length = "-5", connection = "close" }
    local text = wire:read_all()
    assert.is_truthy(text:find("\r\nContent%-Length: %-5\r\n.*\r\n\r\nabc$"))
    wire = ask.open_after { body = "abc", connection = "close",
      headers = { { "Content-Length", "3" }, { "Content-Length", "2" } } }
    text = wire:read_all()
    assert.is_truthy(text:find("Content%-Length: 3\r\nContent%-Length: 2\r\n"))
  end)

  it("grow the head", function()
    local answer = ask.after { header_bytes = 300000 }
    local size = 0
    for _, field in ipairs(answer.headers) do size = size + #field[1] + #field[2] + 4 end
    assert.is_true(size > 300000 and size < 301000)
    answer = ask.after { header_bytes = 50000, header_line = 50000 }
    assert.is_true(#answer.headers[#answer.headers][2] > 49000)
  end)

  it("compress, or seem to", function()
    sim:script { { gzip = true, body = ("novita "):rep(20000) },
      { gzip = true, body = "abc", piece = 5, chunked = true } }
    local target = "--compressed -d {} " .. sim.url .. "/chat/completions"
    assert.are.equal(("novita "):rep(20000), ask.curl(target))
    assert.are.equal("abc", ask.curl(target))
  end)
end)
