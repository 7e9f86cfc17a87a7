-- The bytes of a member of a JSON object.

local novita = require("novita")
local generator = require("spec.support.random")
novita.new()
local slice = require("novita.batch.slice")

describe("the bytes of a member", function()
  it("are those of its value, whatever it is", function()
    local text = ' \t{"s" : "a\\"}\\\\" ,"n":-1.50e3,"t":true,\r\n "a":[1,[2,"]"], {"x":"}"} ],'
      .. '"o":{ "n":"in" , "e":{}} , "z":null}\n '
    for name, bytes in pairs {
      s = '"a\\"}\\\\"', n = "-1.50e3", t = "true", a = '[1,[2,"]"], {"x":"}"} ]',
      o = '{ "n":"in" , "e":{}}', z = "null",
    } do
      assert.are.equal(bytes, slice.member(text, name))
    end
    assert.is_nil(slice.member(text, "x"))
    assert.are.equal('"in"', slice.member(slice.member(text, "o"), "n"))
  end)

  it("are found by the name that is meant; the last one counts", function()
    assert.are.equal("2", slice.member('{"a\\u0062":1,"ab":2}', "ab"))
    assert.are.equal("1", slice.member('{"a\\u0062":1}', "ab"))
    assert.are.equal("1", slice.member('{"":1}', ""))
  end)

  it("are found behind a BOM", function()
    assert.are.equal("1", slice.member('\239\187\191{"a":1}', "a"))
  end)

  it("are none of what is no object, or an empty one", function()
    for _, text in ipairs { "{}", "{ }", "[1]", '"a"', "1", "", " " } do
      assert.is_nil(slice.member(text, "a"))
    end
  end)

  it("are those that decode to the same, for all objects", function()
    local roll = generator(3)
    local function value(depth)
      local kind = roll(depth > 3 and 4 or 6)
      if kind == 1 then return roll(1000) end
      if kind == 2 then return roll(2) == 1 end
      if kind == 3 then return ('"\\{}[],: é'):rep(roll(2)) end
      if kind == 4 then return "" end
      local whole = kind == 5 and novita.array {} or {}
      for index = 1, roll(4) - 1 do
        whole[kind == 5 and index or '"' .. index] = value(depth + 1)
      end
      return whole
    end
    for _ = 1, 300 do
      local object = { a = value(1), b = value(1), ['"c'] = value(1) }
      local text = novita.json.encode(object)
      for name, part in pairs(object) do
        assert.are.equal(novita.json.encode(part), slice.member(text, name))
      end
    end
  end)
end)
