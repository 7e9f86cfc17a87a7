-- Caps: a server can't fill the memory, and the error says which cap it was.

local failures = require("spec.support.failures")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local KIB = 1024
local too_large, body_of = failures.too_large, failures.body_of
local INTERIM = "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"

describe("a cap", function()
  local sim

  setup(function() sim = simulator.shared() end)
  before_each(function() sim:reset() end)

  describe("on the response", function()
    it("holds with Content-Length", function()
      local err = too_large("body", "max_response_bytes", { body = body_of(KIB + 1) },
        { max_response_bytes = KIB })
      assert.are.equal(200, err.status)
    end)

    it("holds for a body that ends with the connection", function()
      too_large("body", "max_response_bytes",
        { body = body_of(KIB + 1), content_length = false, ending = "close" },
        { max_response_bytes = KIB })
    end)

    it("is not too small for a whole answer by default", function()
      local reply = wire.succeeds { body = body_of(2 * KIB * KIB) }
      assert.are.equal(2 * KIB * KIB - 40, #reply:text())
    end)

    it("cuts the body of an error, which stays that error", function()
      local err = wire.fails { status = 500, body = ("x"):rep(64 * KIB), body_times = 32 }
      assert.are.equal("server", err.kind)
      assert.are.equal(500, err.status)
      assert.is_true(#err.body <= KIB * KIB)
      assert.is_true(#err.body > KIB * KIB / 2)
    end)

    it("leaves an error that is larger than an answer may be alone", function()
      local err = wire.fails({ status = 400, body = '{"message":"' .. ("x"):rep(KIB) .. '"}' },
        { max_response_bytes = 10 })
      assert.are.equal("bad_request", err.kind)
      assert.are.equal(("x"):rep(KIB), err.message)
    end)
  end)

  describe("on the headers", function()
    it("holds for many lines", function()
      too_large("headers", "max_header_bytes", { header_bytes = 300 * KIB })
      too_large("headers", "max_header_bytes", { header_bytes = 2 * KIB },
        { max_header_bytes = KIB })
    end)

    it("lets fewer pass", function()
      local _, info = wire.succeeds { header_bytes = 200 * KIB }
      assert.is_true(#tostring(info.headers) > 200 * KIB)
    end)

    it("is libcurl's for one line of half a megabyte", function()
      local err = too_large("headers", "a header line is larger than libcurl takes",
        { header_bytes = 512 * KIB, header_line = 512 * KIB })
      assert.are.equal("headers", err.reason)
    end)

    it("is libcurl's where ours is larger", function()
      local err = too_large("headers", "larger than libcurl takes", { header_bytes = 600 * KIB },
        { max_header_bytes = KIB * KIB })
      assert.are.equal("headers", err.reason)
    end)

    it("is libcurl's for very many lines, where it counts them", function()
      local head = "HTTP/1.1 200 OK\r\n" .. ("X-N: 1\r\n"):rep(6000) .. "Content-Length: 0\r\n\r\n"
      local err = wire.fails { raw = head }
      if err.kind == "invalid_response" then return end -- all were taken, and the body is empty
      assert.are.equal("response_too_large", err.kind)
      assert.are.equal("there are more header lines than libcurl takes", err.message)
    end)

    it("counts interim responses", function()
      local flood = INTERIM:rep(math.floor(300 * KIB / #INTERIM))
      too_large("headers", "max_header_bytes", { interim = { flood } })
      wire.succeeds { interim = { INTERIM:rep(100) } }
    end)

    it("counts trailers", function()
      local head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
      local line = "X-Trailer: " .. ("x"):rep(989) .. "\r\n"
      too_large("body", "max_header_bytes", { raw = head .. line:rep(300) .. "\r\n" })
    end)
  end)

  it("closes the connection, and the next call gets its own answer", function()
    too_large("body", "max_response_bytes", { body = ("x"):rep(64 * KIB), body_times = 64 },
      { max_response_bytes = KIB })
    assert.is_true(wire.entry().aborted)
    local _, info = wire.succeeds()
    assert.is_false(info.reused)
  end)
end)
