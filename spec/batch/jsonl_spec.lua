-- JSON Lines: an object a line, and what is wrong with other lines.

local novita = require("novita")
novita.new()
local jsonl = require("novita.batch.jsonl")
local lines = require("novita.batch.lines")

local blocks = require("spec.support.blocks")

local function read(source, most)
  local list = {}
  for record in jsonl.records(lines.of(source, most or 10000)) do list[#list + 1] = record end
  return list
end

local function problem_of(text)
  local list = read(blocks.of(text, 100))
  assert.are.equal(1, #list)
  assert.is_nil(list[1].row)
  return list[1].problem
end

describe("records of JSON Lines", function()
  it("are objects, whatever the blocks; blank lines are none", function()
    local text = '\239\187\191{"text":"Zürich\\n"}\r\n\n \t\r\n'
      .. '  {"n":[1,{"a":null}]} \n{"last":true}'
    blocks.every(text, function(source)
      assert.are.same({
        { line = 1, offset = 0, row = { text = "Zürich\n" } },
        { line = 4, offset = 30, row = { n = { 1, {} } } },
        { line = 5, offset = 54, row = { last = true } },
      }, read(source))
    end)
  end)

  it("that are none are named by line, and the rest goes on", function()
    local list = read(blocks.of('{"a":1}\n{"a":\nnull\n[1]\n"{"\n{}\n', 8))
    local found = {}
    for index, record in ipairs(list) do found[index] = record.problem or "ok" end
    assert.are.equal(6, #list)
    assert.are.equal(2, list[2].line)
    assert.is_truthy(found[2]:find("^is not JSON: "), found[2])
    assert.are.same({ "ok", found[2], "is not a JSON object", "is not a JSON object",
      "is not a JSON object", "ok" }, found)
  end)

  it("are not changed where their text is not UTF-8: they are refused", function()
    assert.are.equal('is not UTF-8 in "a"', problem_of('{"a":"Z\252rich"}'))
    assert.are.equal('has half of a surrogate pair in "b"', problem_of('{"a":1,"b":"\\ud83d"}'))
  end)

  it("may be as long as they may be", function()
    local long = '{"a":"' .. ("x"):rep(5000) .. '"}'
    local list = read(blocks.of(long .. "\n" .. long .. " \n{}", 100), #long)
    assert.are.equal(5000, #list[1].row.a)
    assert.are.equal(("is too long: %d bytes"):format(#long + 2), list[2].problem)
    assert.are.same({ line = 3, offset = 2 * #long + 3, row = {} }, list[3])
  end)
end)
