-- JSON that is cut short is refused, wherever it is cut. A byte of a string that is no plain one is
-- found at every place, as several bytes are looked at together.

local core = require("novita.core")
local generator = require("spec.support.random")
local random_json = require("spec.support.random_json")

describe("JSON that is written", function()
  it("is never valid when cut short", function()
    local random = generator(7)
    for _ = 1, 50 do
      local text = core.encode(random_json.list(random, 3))
      for length = 0, #text - 1 do
        local _, err = core.decode(text:sub(1, length))
        assert.are.equal("invalid_response", err and err.kind)
      end
    end
  end)
end)

describe("a string", function()
  local MOST = 40 -- longer than two looks at 16 bytes and one at eight

  -- Calls check(before, after) for each place in strings of each length.
  local function at_every_place(check)
    for length = 1, MOST do
      for place = 1, length do check(("x"):rep(place - 1), ("y"):rep(length - place)) end
    end
  end

  for _, special in ipairs { '"', "\\", "\n", "\0", "\31", " ", "\127", "\195\169",
    "\240\159\152\128" } do
    it(("is read back with %q anywhere"):format(special), function()
      at_every_place(function(before, after)
        local text = before .. special .. after
        assert.are.equal(text, core.decode(assert(core.encode(text))))
      end)
    end)
  end

  for _, byte in ipairs { "\128", "\195", "\255" } do
    it(("is not written, and read with U+FFFD, with %q anywhere"):format(byte), function()
      at_every_place(function(before, after)
        assert.is_nil((core.encode(before .. byte .. after)))
        assert.are.equal(before .. "\239\191\189" .. after,
          core.decode('"' .. before .. byte .. after .. '"'))
      end)
    end)
  end

  it("is refused with a raw control character anywhere", function()
    at_every_place(function(before, after)
      assert.is_nil((core.decode('"' .. before .. "\31" .. after .. '"')))
    end)
  end)
end)
