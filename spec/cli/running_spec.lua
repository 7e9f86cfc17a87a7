-- The progress of a run in the command, and its end.

local cli = require("spec.support.cli")

local sim, novita = cli.sim, cli.novita

describe("novita run", function()
  cli.with(cli.greet)

  it("ends with 3 where the run pauses, and says how it goes on", function()
    sim:script { { match = '"y"', status = 400 } }
    local run = novita("run greet.lua -p name=Ada")
    assert.are.same({ 3, "" }, { run.status, run.out })
    local id = run.err:match("^novita: run (%x+) is paused at more: bad_request ")
    assert.is_string(id, run.err)
    assert.is_truthy(run.err:find("novita runs retry " .. id .. " goes on from there\n", 1, true))
    assert.are.same({ status = 0, out = "Hello Ada\n", err = "" },
      novita("runs retry " .. id))
    assert.are.equal(4, #sim:journal())
  end)

  it("ends with 3 where the store can't be used any more, and says how that run goes on", function()
    cli.write("flow.lua", [[
      return function(run)
        run:chat("first", { message = "one" })
        run:step("second", function() os.rename("runs.db", "lost.db") return 2 end)
        return run:chat("third", { message = "three" }):text()
      end]])
    local run = novita("run flow.lua --store runs.db")
    assert.are.same({ 3, "" }, { run.status, run.out })
    local id = run.err:match("\nnovita runs retry (%x+) goes on with the run once ")
    assert.is_string(id, run.err)
    os.rename(cli.home.path .. "/runs.db.rescued", cli.home.path .. "/runs.db")
    assert.are.same({ status = 0, out = "three\n", err = "" },
      novita("runs retry " .. id .. " --store runs.db"))
    assert.are.equal(2, #sim:journal())
  end)

  it("shows each step at a terminal", function()
    local terminal = cli.terminal("run greet.lua -p name=Ada")
    assert.are.equal(0, terminal:finish())
    assert.is_truthy(terminal.shown:find("greet +done +%d+%.%d+ s"), terminal.shown)
    assert.is_truthy(terminal.shown:find("more%[2%] +done"), terminal.shown)
  end)

  it("lets the steps in flight end after Ctrl-C", function()
    sim:script { { match = "Hello", delay = 0.5 } }
    local terminal = cli.terminal("run greet.lua -p name=Ada")
    sim:wait_for(function(entries) return entries[1] end)
    terminal:type("\3")
    assert.are.equal(130, terminal:finish())
    assert.is_truthy(terminal.shown:find("is paused at %(stopped%): cancelled: interrupted"),
      terminal.shown)
    assert.are.equal(1, #sim:journal())
  end)
end)
