-- Runs and their logs as lines of text.

local core = require("novita.core")

local command = require("spec.support.command")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

describe("novita runs", function()
  local sim = simulator.shared()
  local home, variables

  before_each(function()
    sim:reset()
    home = command.home()
    variables = command.variables(sim)
    files.write(home.path .. "/flow.lua", [[
      return { name = "flow", retry = "none", flow = {
        { name = "first", chat = { message = "one {{trigger.x}}" } },
        { name = "second", chat = { message = "<two> {{steps.first.text}}" } },
      } }]])
  end)
  after_each(function() home:remove() end)

  local function run(words)
    return home:run(words, variables)
  end

  -- The id of a run that is paused at "second".
  local function paused()
    sim:script { { match = "<two>", status = 400 } }
    assert.are.equal(3, run("run flow.lua -p x=a").status)
    return run("runs list --status paused").out:match("^%x+")
  end

  it("lists them, the newest first", function()
    assert.are.same({ status = 0, out = "", err = "" }, run("runs list"))
    local id = paused()
    run("run flow.lua -p x=b")
    local lines = {}
    for line in run("runs list").out:gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.are.equal(2, #lines)
    assert.is_truthy(lines[1]:find("^%x+\tflow\tdone\t\t%d+-%d+-%d+ %d+:%d+:%d+\t%d+\t%d+\t$"))
    assert.is_truthy(lines[2]:find("^" .. id .. "\tflow\tpaused\tsecond\t"))
    assert.are.equal("paused", core.decode(run("runs list --status paused --json").out).status)
    assert.are.equal("", run("runs list --flow other").out)
    assert.are.equal(2, run("runs list --status lost").status)
  end)

  it("shows the log of one", function()
    local id = paused()
    local out = run("runs show " .. id:sub(1, 8)).out
    assert.is_truthy(out:find("^" .. id .. "  flow  paused  at second"), out)
    assert.is_truthy(out:find("\n  bad_request ", 1, true), out)
    local first = "\n%d+:%d+:%d+  1  first +done +%d+%.%d%d s  200  %d+%+%d+ tokens"
    assert.is_truthy(out:find(first), out)
    assert.is_truthy(out:find("  1  second +failed +%d+%.%d%d s  400  .*bad_request: "), out)
    assert.is_nil(out:find("one a", 1, true))
    assert.is_truthy(run("runs show " .. id .. " --content").out:find("one a", 1, true))
    local record = core.decode(run("runs show " .. id .. " --json").out)
    assert.are.same({ "bad_request", 2, "a" },
      { record.error.kind, #record.log, record.trigger.x })
  end)
end)
