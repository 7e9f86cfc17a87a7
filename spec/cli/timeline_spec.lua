-- Runs and their logs as lines of text.

local core = require("novita.core")

local cli = require("spec.support.cli")

local paused, run = cli.paused, cli.novita

describe("novita runs", function()
  cli.with(cli.two_steps)

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

  it("keeps each run and each attempt on one line, whatever their names and errors", function()
    cli.write("odd.lua", [[
      return { name = "a\tb\nc", flow = function(run)
        run:step("s\t1\n2", function() error("no\n\tluck\r\27[31m", 0) end)
      end }]])
    local record = core.decode(run("run odd.lua --json").out)
    assert.are.same({ "paused", "a\tb\nc" }, { record.status, record.flow })
    assert.is_truthy(run("runs list").out:find("^%x+\ta b c\tpaused\ts 1 2\t[^\n]+\n$"))
    local out = run("runs show " .. record.id).out
    assert.are.equal(3, select(2, out:gsub("\n", "")), out)
    assert.is_truthy(out:find("  1  s 1 2 +failed .*callback_error: no luck %[31m\n$"), out)
  end)
end)
