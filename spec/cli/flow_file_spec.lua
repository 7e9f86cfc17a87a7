-- The files of flows that novita run takes.

local core = require("novita.core")

local cli = require("spec.support.cli")
local files = require("spec.support.files")

local novita = cli.novita

describe("novita run", function()
  cli.with(cli.greet)

  it("runs lists of steps, also from JSON, and files with a name and options", function()
    cli.write("steps.json", '[{"name":"a","chat":{"message":"{{trigger.name}}!"}}]')
    cli.write("whole.lua", [[
      return { name = "whole", store = "mine.db", retry = "none", flow = {
        { name = "a", run = function(input) return { said = input } end,
          input = "{{trigger.name}}" },
      } }]])
    assert.are.equal("Ada!\n", novita("run steps.json -p name=Ada").out)
    assert.are.equal('{"said":"Ada"}\n', novita("run whole.lua -p name=Ada").out)
    local record = core.decode(novita("runs list --store mine.db --json").out)
    assert.are.same({ "whole", "done" }, { record.flow, record.status })
  end)

  it("ends with 2 for a file that is no flow", function()
    for name, text in pairs {
      ["no.lua"] = "return 5", ["syntax.lua"] = "return return",
      ["raises.lua"] = "error('no luck')",
      ["option.lua"] = "return { flow = function() end, stroe = 1 }",
      ["steps.json"] = '[{"name":"a","chat":{"message":"{{foo}}"}}]', ["bad.json"] = "[",
    } do
      cli.write(name, text)
      local run = novita("run " .. name)
      assert.are.same({ 2, "" }, { run.status, run.out }, name)
      assert.is_truthy(run.err:find("^novita: config: "), run.err)
    end
    assert.are.equal(2, novita("run nowhere.lua").status)
  end)

  local EVIL = "setmetatable({}, { __index = function() error('no luck') end, __tostring = "
    .. "function() error('none') end })"
  local STEP = "flow = { { name = 'a', run = function() return 1 end } }"

  it("blames a file for what it raises while it is read", function()
    for name, text in pairs {
      ["table.lua"] = "return " .. EVIL, ["raised.lua"] = "error(" .. EVIL .. ")",
      ["field.lua"] = "return setmetatable({ " .. STEP .. " }, getmetatable(" .. EVIL .. "))",
    } do
      cli.write(name, text)
      local run = novita("run " .. name)
      assert.are.same({ 2, "" }, { run.status, run.out }, name)
      assert.is_truthy(run.err:find("^novita: config: " .. name .. ": [^\n]+\n$"), run.err)
    end
  end)

  it("blames a file for what its functions raise, in each command that runs it", function()
    local function check(words, said)
      local run = novita(words)
      assert.are.same({ 1, "" }, { run.status, run.out }, words)
      assert.is_truthy(run.err:find("novita: [^\n]*s.lua: a function raised: " .. said
        .. " %(the results that have come are saved%)\n$"), run.err)
    end
    for _, case in ipairs { { "'no luck'", "s.lua:1: no luck" }, { "nil", "nil" },
      { "'one\\0two'", "s.lua:1: one%?two" }, { EVIL, "a table" } } do
      cli.write("s.lua", ("return { %s, on_step = function() error(%s) end }"):format(STEP,
        case[1]))
      check("run s.lua", case[2])
    end
    local id = novita("runs list").out:match("^%x+")
    check("runs retry " .. id, "a table")
    check("runs fork " .. id .. " a", "a table")
    assert.are.equal(0, novita("run s.lua --queue").status)
    check("runs work s.lua --once", "a table")
    assert.is_nil(novita("runs list").out:find("running", 1, true))
  end)

  it("calls the on_step of a file also where a terminal shows the steps", function()
    cli.write("s.lua", "return { " .. STEP .. [[, on_step = function(event)
      local log = io.open("log", "a")
      log:write(event.state, "\n")
      log:close()
    end }]])
    local terminal = cli.terminal("run s.lua")
    assert.are.equal(0, terminal:finish())
    assert.is_truthy(terminal.shown:find("a +done"), terminal.shown)
    assert.are.equal("sent\ndone\n", files.read(cli.home.path .. "/log"))
    cli.write("wrong.lua", "return { " .. STEP .. ", on_step = 5 }")
    assert.are.equal(2, cli.terminal("run wrong.lua"):finish())
  end)
end)
