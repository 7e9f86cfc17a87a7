-- Lines of a file in blocks: where they end, and those that are too long.

local lines = require("novita.batch.lines")

local blocks = require("spec.support.blocks")

-- { text, ending, offset } of each line.
local function read(source, most)
  local list, next_line = {}, lines.of(source, most or 1000)
  for line in next_line do
    assert.are.equal(#list + 1, line.number)
    list[#list + 1] = { line.too_long and "..." or line.text, line.ending, line.offset }
  end
  return list
end

describe("a line", function()
  it("ends with LF or CRLF, or with the file", function()
    local text = "one\r\n\ntwo\rstill two\n\r\nthe last \r"
    blocks.every(text, function(source)
      assert.are.same({
        { "one", "\r\n", 0 }, { "", "\n", 5 }, { "two\rstill two", "\n", 6 }, { "", "\r\n", 20 },
        { "the last \r", "", 22 },
      }, read(source))
    end)
  end)

  it("is none in an empty file, nor after the last LF", function()
    assert.are.same({}, read(blocks.of("", 1)))
    assert.are.same({ { "a", "\n", 0 } }, read(blocks.of("a\n", 1)))
  end)

  it("has no BOM before it, if it is the first", function()
    blocks.every("\239\187\191a\n\239\187\191b", function(source)
      assert.are.same({ { "a", "\n", 0 }, { "\239\187\191b", "", 5 } }, read(source))
    end)
  end)

  it("that is too long is left out, and the next goes on", function()
    blocks.every("12345\n123456\n\n1234567\r\n12345", function(source)
      assert.are.same({
        { "12345", "\n", 0 }, { "...", "\n", 6 }, { "", "\n", 13 }, { "...", "\n", 14 },
        { "12345", "", 23 },
      }, read(source, 5))
    end)
  end)

  it("that can't be read says why, and is not given in part", function()
    local count = 0
    local next_line = lines.of(function()
      count = count + 1
      if count == 1 then return "a\nb" end
      return nil, "Input/output error"
    end, 100)
    assert.are.equal("a", next_line().text)
    assert.are.same({ nil, "Input/output error" }, { next_line() })
  end)

  it("may start in the middle of a file", function()
    local next_line = lines.of(blocks.of("b\nc\n", 2), 100, 7)
    assert.are.same({ 7, 9 }, { next_line().offset, next_line().offset })
  end)
end)
