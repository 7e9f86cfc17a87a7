-- Time, pieces and endings of an answer on its way out.

local socket = require("socket")

local ask = require("spec.support.simulator_http")
local simulator = require("spec.support.simulator_client")

local FOREVER = 0.03

local sim

describe("steps", function()
  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  it("wait before anything, before the headers and before the body", function()
    for _, name in ipairs { "delay", "delay_headers", "delay_body" } do
      local started = socket.gettime()
      assert.are.equal("x", ask.after({ [name] = 0.02, body = "x" }).body)
      assert.is_true(socket.gettime() - started >= 0.02)
    end
    assert.is_true(ask.open_after({ delay = 0.05 }):is_silent(0.005))
    local wire = ask.open_after { delay_headers = 0.05 }
    assert.are.equal("HTTP/1.1 200 OK\r\n", (wire.sock:receive(17)))
    assert.is_true(wire:is_silent(0.005))
  end)

  it("send bodies in pieces", function()
    local answer = ask.after { body = "abcdefg", chunked = true, piece = 3 }
    assert.are.same({ "abc", "def", "g" }, answer.chunks)
    local started = socket.gettime()
    answer = ask.after { body = "abcdefg", piece = 3, pause = 0.01 }
    assert.are.equal("abcdefg", answer.body)
    assert.are.equal("7", answer.header["content-length"])
    assert.is_true(socket.gettime() - started >= 0.02)
  end)

  it("split the whole answer, head and all", function()
    local wire = ask.open_after { body = "abc", split = 20, pause = 0.05 }
    assert.are.equal(20, #wire.sock:receive(20))
    assert.is_true(wire:is_silent(0.005))
  end)

  it("cut bodies short, with every ending", function()
    local text, err = ask.open_after({ body = "abcdef", cut = 4, ending = "close" }):read_all()
    assert.is_nil(err)
    assert.is_truthy(text:find("Content%-Length: 6\r\n\r\nabcd$"))
    text, err = ask.open_after({ body = "abcdef", cut = 4, ending = "reset" }):read_all()
    assert.are.equal("closed", err)
    assert.is_truthy(text:find("\r\n\r\nabcd$"))
    local wire = ask.open_after { body = "abcdef", cut = 4, ending = "half_close" }
    text, err = wire:read_all()
    assert.is_nil(err)
    assert.is_truthy(text:find("\r\n\r\nabcd$"))
    wire:send_bytes("still heard")
    wire = ask.open_after { body = "abcdef", cut = 4, ending = "stall" }
    wire.sock:settimeout(FOREVER)
    text, err = wire:read_all()
    assert.are.equal("timeout", err)
    assert.is_truthy(text:find("\r\n\r\nabcd$"))
  end)

  it("stall for a while and go on", function()
    local started = socket.gettime()
    local answer = ask.after { body = "abcdef", cut = 4, ending = "stall", stall = 0.02 }
    assert.are.equal("abcdef", answer.body)
    assert.is_true(socket.gettime() - started >= 0.02)
  end)

  it("cut the head", function()
    local text, err = ask.open_after({ cut_head = 5 }):read_all()
    assert.is_nil(err)
    assert.are.equal("HTTP/1.1 200 OK\r\nDate:", text)
  end)

  it("leave out the final chunk", function()
    local text = ask.open_after({ body = "abc", chunked = true, final_chunk = false }):read_all()
    assert.is_truthy(text:find("\r\n\r\n3\r\nabc\r\n$"))
  end)

  it("send interim answers first", function()
    local wire = ask.open_after { interim = {
      "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n", 0.001,
      "HTTP/1.1 102 Processing\r\n\r\n",
    } }
    assert.are.equal(103, wire:read().status)
    assert.are.equal(102, wire:read().status)
    assert.are.equal(200, wire:read().status)
  end)

  it("send anything in place of HTTP", function()
    assert.are.equal("SSH-2.0-\0nope", ask.open_after({ raw = "SSH-2.0-\0nope" }):read_all())
    assert.are.equal("", ask.open_after({ raw = "" }):read_all() or "")
  end)

  it("close connections, saying so or not", function()
    assert.are.equal("close", ask.after({ connection = "close" }).header.connection)
    local wire = ask.open_after { silent_close = true }
    local answer = wire:read()
    assert.is_nil(answer.header.connection)
    assert.are.equal("closed", select(2, wire.sock:receive(1)))
    wire = ask.open_after { silent_close = "request" }
    wire:read()
    assert.is_true(wire:is_silent(0.005))
    wire:send { path = "/models", method = "GET" }
    assert.are.equal("closed", select(2, wire.sock:receive(1)))
  end)
end)
