-- A step for each item of a list.

local core = require("novita.core")

local flows = require("spec.support.flows")
local simulator = require("spec.support.simulator_client")

local ask, asked = flows.ask, flows.asked

-- Runs a body; returns its record.
local function run(body, options)
  local flow = flows.flow(body, options)
  return assert(flow:start()), flow
end

describe("a step for each item", function()
  flows.with()

  it("keeps to its concurrency, and to the order of the items", function()
    simulator.shared():script { { delay = 0.3, uses = 3 } }
    local record = run(function(self)
      local list = self:each("e", { "a", "b", "c", "d", "e" }, ask("{{item}}"),
        { concurrency = 3 })
      local texts = {}
      for index, reply in ipairs(list) do texts[index] = reply:text() end
      return texts
    end)
    assert.same({ "a", "b", "c", "d", "e" }, record.result)
    assert.equal(3, simulator.shared():stats().most_active)
  end)

  it("sees the columns of a row", function()
    local record = run(function(self)
      return self:each("e", { { name = "Ada", born = 1815 } },
        ask("{{row.name}} {{item.born}}"))[1]:text()
    end)
    assert.equal("Ada 1815", record.result)
  end)

  it("may be a function", function()
    local record = run(function(self)
      return self:each("e", { 3, 4 }, function(item, index)
        if item == 4 then return nil end
        return item * index
      end)
    end)
    assert.same({ 3, true }, record.result)
  end)

  it("takes an empty list", function()
    local record = run(function(self) return core.array(self:each("e", {}, ask("x"))) end)
    assert.same({}, record.result)
  end)

  it("begins no other item where all would fail as well", function()
    simulator.shared():always { status = 401 }
    local record, flow = run(function(self)
      self:each("e", { "a", "b", "c", "d" }, ask("{{item}}"), { concurrency = 2 })
    end)
    assert.equal("authentication", record.error.kind)
    assert.equal(2, #asked())
    simulator.shared():reset()
    assert.equal("done", assert(flow:retry(record.id)).status)
    assert.equal(4, #asked())
  end)

  it("gives the errors where the flow handles them", function()
    simulator.shared():always { match = "bad", status = 400 }
    local record = run(function(self)
      local list, errors = self:each("e", { "bad", "good" }, ask("{{item}}"),
        { on_error = "return" })
      return { list[1], list[2]:text(), errors[1].kind }
    end)
    assert.same({ false, "good", "bad_request" }, record.result)
  end)

  it("names a template that is wrong, and the first item that it failed for", function()
    local record = run(function(self) self:each("e", { "x", "y" }, ask("{{item.name}}")) end)
    assert.equal("e", record.failed_step)
    assert.is_truthy(record.error.message:find("^2 of 2 items failed; item 1: message: line 1"),
      record.error.message)
  end)
end)
