-- The calls of one turn: checked, allowed, run at the same time, and answered in their order.

local core = require("novita.core")
local poll = require("novita.loop.poll")
local talk = require("spec.support.client")
local tooling = require("spec.support.tooling")

local calls, says, script, tool = tooling.calls, tooling.says, tooling.script, tooling.tool

local function run(list, options)
  return talk.client():run_tools(talk.request { tools = list }, options)
end

local function double(arguments) return arguments.x * 2 end

-- What the model was told by the last request.
local function told()
  local requests = tooling.sent()
  local list = {}
  for _, message in ipairs(requests[#requests]) do
    if message.role == "tool" then list[#list + 1] = message.content end
  end
  return list
end

-- What the model is told of a call of this function, with these arguments.
local function told_of(fn, arguments, parameters)
  script(calls { "f", arguments }, says("done"))
  local given = tool("f", fn)
  given.parameters = parameters or given.parameters
  assert(run { given })
  return told()[1]
end

describe("run_tools", function()
  before_each(function() talk.sim:reset() end)

  it("tells a function which call it is", function()
    script(calls({ "double", { x = 4 } }), calls { "double", { x = 5 }, "b" }, says("done"))
    local seen = {}
    assert(run { tool("double", function(arguments, context)
      table.insert(seen, { arguments.x, context.id, context.name, context.turn,
        #context.messages })
    end) })
    assert.are.same({ { 4, "call_00_double", "double", 1, 1 }, { 5, "b", "double", 2, 3 } }, seen)
  end)

  it("runs the calls of a turn at the same time", function()
    script(calls({ "slow", { x = 1 } }, { "slow", { x = 2 } }, { "slow", { x = 3 } }), says("done"))
    local at_once, most = 0, 0
    assert(run { tool("slow", function(arguments)
      at_once = at_once + 1
      most = math.max(most, at_once)
      poll.sleep(0.04 - arguments.x / 100)
      at_once = at_once - 1
      return arguments.x
    end) })
    assert.are.equal(3, most)
    assert.are.same({ "1", "2", "3" }, told())
  end)

  it("lets functions make calls of their own", function()
    script(calls({ "ask", { x = 1 } }), { match = "inner", answer = { content = "42" } },
      says("done"))
    assert(run { tool("ask", function()
      return assert(talk.client():chat { model = talk.MODEL, message = "inner" }):text()
    end) })
    assert.are.same({ "42" }, told())
  end)

  for what, case in pairs {
    ["a table as JSON"] = { { b = 1, a = { 2 } }, '{"a":[2],"b":1}' },
    ["a text as it is"] = { "It rains.", "It rains." },
    ["a number"] = { 1.5, "1.5" },
    ["false as a result"] = { false, "false" },
  } do
    it("tells the model " .. what, function()
      assert.are.equal(case[2], told_of(function() return case[1] end))
    end)
  end

  it("tells the model what went wrong", function()
    assert.are.equal("error: no such city", told_of(function() return nil, "no such city" end))
    assert.are.equal("error: no result", told_of(function() return nil end))
    assert.are.equal("done", told_of(function() end))
    assert.are.equal("error: connection: gone", told_of(function()
      return nil, core.error { kind = "connection", message = "gone" }
    end))
    assert.is_truthy(told_of(function() return { f = print } end)
      :find("^error: the result is not JSON: "))
    assert.are.equal("error: no file ?.txt",
      told_of(function() return nil, "no file \255\254.txt" end))
    assert.is_truthy(told_of(function() return "\255" end)
      :find("^error: the result is not JSON: "))
  end)

  it("tells the model what is wrong with its arguments, and calls nothing", function()
    local schema = { type = "object", required = { "city" }, properties = {
      city = { type = "string" }, unit = { enum = { "C", "F" } },
      days = { type = "array", items = { type = "integer" } },
    } }
    local function never() error("called") end
    for wanted, arguments in pairs {
      ["city: is missing"] = { unit = "C" },
      ["city: expected string, got number"] = { city = 7 },
      ["unit: is not one of the values in the schema"] = { city = "x", unit = "K" },
      ["days[2]: expected integer, got string"] = { city = "x", days = { 1, "2" } },
    } do
      assert.are.equal("error: the arguments do not match the schema: " .. wanted,
        told_of(never, arguments, schema))
    end
    assert.is_truthy(told_of(never, '{"city":', schema):find("^error: the arguments are not JSON"))
    assert.are.equal("error: the arguments are not an object", told_of(never, "5", schema))
  end)

  it("tells the model that there is no such tool", function()
    script(calls { "triple" }, says("done"))
    assert(run { tool("double", double), tool("half", double) })
    assert.are.same({ "error: there is no such tool; there are: double, half" }, told())
  end)

  it("gives ids to calls without one of their own", function()
    script(calls({ "f", {}, "" }, { "f", {}, "a" }, { "f", {}, "a" }), says("done"))
    local _, info = assert(run { tool("f", function(_, context) return context.id end) })
    tooling.check(info.messages)
    assert.are.same({ "call_1_1", "a", "call_1_3" }, told())
  end)
end)

describe("on_call", function()
  it("is asked for each call in its order, and may refuse", function()
    script(calls({ "f", { x = 1 } }, { "f", { x = 2 } }, { "f", { x = 3 } }), says("done"))
    local asked, made = {}, {}
    local _, info = assert(run({ tool("f", function(arguments)
      made[#made + 1] = arguments.x
      return "ok"
    end) }, { on_call = function(name, arguments)
      asked[#asked + 1] = name .. arguments.x
      if arguments.x == 2 then return false, "not on Sundays" end
      if arguments.x == 3 then return false end
    end }))
    assert.are.same({ "f1", "f2", "f3" }, asked)
    assert.are.same({ 1 }, made)
    assert.are.same({ "ok", "error: the call was refused: not on Sundays",
      "error: the call was refused" }, told())
    assert.is_true(info.turns[1].calls[2].failed)
  end)

  it("is not asked for calls that are not made anyway", function()
    script(calls({ "f", { x = "one" } }, { "g" }), says("done"))
    assert(run({ tool("f", double) }, { on_call = function() error("asked") end }))
    assert.are.equal(2, #told())
  end)

  it("ends the run with what it raises, before any call is made", function()
    script(calls({ "f", { x = 1 } }, { "f", { x = 2 } }))
    local problem = { "no" }
    local ok, raised = pcall(run, { tool("f", function() error("called") end) }, {
      on_call = function(_, arguments) if arguments.x == 2 then error(problem) end end,
    })
    assert.is_false(ok)
    assert.are.equal(problem, raised)
  end)
end)
