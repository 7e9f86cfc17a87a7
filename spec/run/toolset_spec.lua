-- The tools of a request: what the API gets of them, and what can't be run.

local novita = require("novita")

local core = require("novita.core")
local talk = require("spec.support.client")
local tooling = require("spec.support.tooling")

local says, script, tool = tooling.says, tooling.script, tooling.tool

local function run(list, options)
  return talk.client():run_tools(talk.request { tools = list }, options)
end

local function double(arguments) return arguments.x * 2 end

describe("run_tools", function()
  before_each(function() talk.sim:reset() end)

  it("sends tools as the API has them", function()
    script(says("Hello"))
    assert(run { tool("double", double) })
    assert.are.same({ { type = "function", ["function"] = {
      name = "double", description = "For specs.",
      parameters = { type = "object", properties = { x = { type = "integer" } } },
    } } }, core.decode(talk.sim:journal()[1].body).tools)
  end)

  it("takes tools in the API's form, and leaves those of the server to it", function()
    talk.sim:script { { body = talk.completion('"2"') } }
    assert(run {
      { type = "function", ["function"] = { name = "double" }, call = double },
      { type = "web_search", limit = 3 },
    })
    assert.are.same({ { type = "function", ["function"] = { name = "double" } },
      { type = "web_search", limit = 3 } }, core.decode(talk.sim:journal()[1].body).tools)
  end)
end)

describe("run_tools raises", function()
  for message, list in pairs {
    ["tools: expected a list of tools, got 5"] = 5,
    ["tools[1]: expected a table, got \"f\""] = { "f" },
    ["tools[1].name: expected the name of a function, got nil"] = { { call = print } },
    ["tools[1].call: expected a function, got nil"] = { { name = "f" } },
    ["tools[2].name: there is a tool \"f\" already"] = {
      { name = "f", call = print }, { name = "f", call = print },
    },
  } do
    it(message, function()
      talk.sim:reset()
      local ok, raised = pcall(run, list)
      assert.is_false(ok)
      assert.is_truthy(raised:find(message, 1, true), raised)
      assert.are.equal(0, #talk.sim:journal())
    end)
  end

  it("at a wrong option", function()
    for _, options in ipairs { { max_turns = 0 }, { on_call = 1 }, { max_context = "many" },
      { keep_partial = 1 }, { on_cal = print } } do
      assert.has_error(function() run({}, options) end)
    end
    assert.has_error(function() novita:run_tools {} end)
  end)
end)
