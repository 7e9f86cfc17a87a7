-- The values of options.

local talk = require("spec.support.client")

local NAN = 0 / 0

describe("times and sizes", function()
  local times = { "connect_timeout", "first_byte_timeout", "idle_timeout", "attempt_timeout",
    "deadline" }
  for _, name in ipairs(times) do
    it(name .. " is seconds above 0, or false", function()
      for _, value in ipairs { 0, -1, "5", true, {}, NAN } do
        local err = talk.refuses_options { [name] = value }
        assert.are.equal(name, err.param)
        assert.is_truthy(err.message:find(" is not a time in seconds above 0, or false", 1, true))
      end
      for _, value in ipairs { 5, 0.5, 1e300, math.huge, false } do
        talk.sends(nil, { [name] = value })
      end
    end)
  end

  for _, name in ipairs { "max_response_bytes", "max_header_bytes", "max_event_bytes" } do
    it(name .. " is a whole number from 1", function()
      for _, value in ipairs { 0, -1, "5", true, {}, NAN, 1.5, math.huge, 1e300 } do
        local err = talk.refuses_options { [name] = value }
        assert.are.equal(name, err.param)
        assert.is_truthy(err.message:find(" is not a number of bytes of at least 1", 1, true))
      end
      talk.sends(nil, { [name] = 1000000 })
    end)
  end

  it("show what was given", function()
    assert.are.equal("deadline: NaN is not a time in seconds above 0, or false",
      talk.refuses_options({ deadline = NAN }).message)
    assert.are.equal('idle_timeout: "5\\10" is not a time in seconds above 0, or false',
      talk.refuses_options({ idle_timeout = "5\n" }).message)
  end)
end)

describe("ca_file", function()
  it("must be there", function()
    for value, shown in pairs { ["/nonexistent/ca.pem"] = '"/nonexistent/ca.pem" is not a readable',
      [""] = '"" is not a readable file', [12] = "12 is not a string" } do
      local err = talk.refuses_options { ca_file = value }
      assert.are.equal("ca_file", err.param)
      assert.is_truthy(err.message:find(shown, 1, true), err.message)
    end
  end)
end)
