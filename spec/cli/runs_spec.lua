-- novita runs: what is kept of runs, and how they go on.

local core = require("novita.core")

local cli = require("spec.support.cli")

local sim, paused, run = cli.sim, cli.paused, cli.novita

describe("novita runs", function()
  cli.with(cli.two_steps)

  it("shows one as a page, in which nothing of its text is markup", function()
    local id = paused()
    local page = run("runs show " .. id .. " --html --content").out
    assert.is_truthy(page:find("^<!DOCTYPE html>"), page)
    assert.is_truthy(page:find("&lt;two&gt;", 1, true))
    assert.is_nil(page:find("<two>", 1, true))
    assert.is_nil(page:find("<script", 1, true))
  end)

  it("go on by the first letters of an id, with the file of the last run", function()
    local id = paused()
    sim:reset()
    assert.are.same({ status = 0, out = "<two> one a\n", err = "" },
      run("runs retry " .. id:sub(1, 6)))
    assert.are.equal(1, #sim:journal())
    local again = run("runs retry " .. id)
    assert.are.equal(2, again.status)
    assert.is_truthy(again.err:find("is done; fork it", 1, true), again.err)
    os.rename(cli.home.path .. "/flow.lua", cli.home.path .. "/moved.lua")
    assert.are.equal(2, run("runs fork " .. id).status)
    local fork = core.decode(run("runs fork " .. id .. " second --file moved.lua --json").out)
    assert.are.same({ id, "done" }, { fork.parent, fork.status })
  end)

  it("are written down, and run by a worker", function()
    local id = run("run flow.lua -p x=later --queue").out:match("^(%x+)\n$")
    assert.is_string(id)
    assert.are.equal(0, #sim:journal())
    local work = run("runs work flow.lua --once")
    assert.are.equal(0, work.status)
    assert.is_truthy(work.err:find("^" .. id .. "  flow  done"), work.err)
    assert.are.equal(2, #sim:journal())
  end)

  it("are run by a worker until it is interrupted", function()
    local terminal = cli.terminal("runs work flow.lua")
    run("run flow.lua -p x=later --queue")
    terminal:expect("flow  done")
    terminal:type("\3")
    assert.are.equal(130, terminal:finish())
  end)

  it("are known by an id only, and counted by numbers that a store can keep", function()
    paused()
    for _, words in ipairs { "show", "retry", "fork", "rm" } do
      for _, id in ipairs { "''", "%", "_", "'~'", "\"' or ''='\"" } do
        local result = run("runs " .. words .. " " .. id)
        assert.are.same({ 2, "" }, { result.status, result.out }, result.err)
        assert.is_nil(result.err:find("internal error", 1, true), result.err)
      end
    end
    assert.are.equal(2, run("runs list -n 99999999999999999999").status)
    assert.are.equal(1, select(2, run("runs list").out:gsub("\n", "")))
  end)

  it("have a log that is a list in JSON, also before they begin", function()
    local queued = run("run flow.lua -p x=later --queue --json").out
    assert.is_truthy(queued:find('"log":[]', 1, true), queued)
  end)

  it("are neither removed nor gone on with while another process runs them", function()
    sim:script { { delay = 20 } }
    local terminal = cli.terminal("run flow.lua -p x=slow")
    sim:wait_for(function(entries) return entries[1] end)
    local id = run("runs list --status running").out:match("^%x+")
    for _, words in ipairs { "rm ", "retry " } do
      local refused = run("runs " .. words .. id)
      assert.are.same({ 3, "" }, { refused.status, refused.out }, refused.err)
      assert.is_truthy(refused.err:find("locked by process %d+\nnovita: the same command goes on "
        .. "with the store once that process ends\n"), refused.err)
    end
    terminal:type("\3")
    terminal:expect("^C")
    terminal:type("\3")
    assert.are.equal(130, terminal:finish())
    assert.are.equal(0, run("runs rm " .. id).status)
  end)

  it("are removed", function()
    local id = paused()
    assert.are.same({ status = 0, out = "", err = "" }, run("runs rm " .. id))
    assert.are.equal("", run("runs list").out)
    assert.are.equal(2, run("runs show " .. id).status)
  end)
end)
