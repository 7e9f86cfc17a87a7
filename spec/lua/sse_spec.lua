-- core.sse: the parser of event streams as an object.

local core = require("novita.core")

describe("core.sse", function()
  it("gives events to a for loop", function()
    local parser = core.sse()
    local seen = {}
    parser:feed "event: a\ndata: 1\n\nid: x\ndata: 2\n\ndata: 3\n"
    for event_type, data, id in parser.next, parser do
      seen[#seen + 1] = event_type .. "," .. data .. "," .. id
    end
    assert.same({ "a,1,", "message,2,x" }, seen)
  end)

  it("survives the collector while events are taken", function()
    local parser = core.sse()
    for i = 1, 50 do
      parser:feed("data: " .. ("x"):rep(i * 100) .. "\n\nid: " .. i .. "\nda")
      collectgarbage()
      local _, data, id = parser:next()
      assert.equal(i == 1 and "" or tostring(i - 1), id)
      assert.equal(i * 100, #data)
      parser:feed "ta: rest\n\n"
      collectgarbage()
      assert.same({ "message", "rest", tostring(i) }, { parser:next() })
    end
  end)

  it("refuses what it does not know", function()
    assert.has_error(function() core.sse { max_bytes = 1 } end)
    assert.has_error(function() core.sse { max_event_bytes = "many" } end)
    assert.has_error(function() core.sse():feed() end)
    assert.has_error(function() core.sse():feed {} end)
  end)
end)
