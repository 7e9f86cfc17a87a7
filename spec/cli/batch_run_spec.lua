-- novita batch plan and novita batch run.

local core = require("novita.core")

local cli = require("spec.support.cli")
local native = require("spec.support.native")

local RUN = cli.BATCH
local sim, novita, rows, answers, calls = cli.sim, cli.novita, cli.rows, cli.answers, cli.calls

describe("novita batch", function()
  cli.with(cli.three_rows)

  it("plans what it would send and cost", function()
    local run = novita((RUN:gsub("run", "plan", 1)))
    assert.are.same({ 0, "" }, { run.status, run.err })
    assert.is_truthy(run.out:find("^rows\t3\nunique\t3\nproblems\t0\npaid\t0\nfailed\t0\n"
      .. "in_doubt\t0\nto_send\t3\nprompt_tokens\t%d+\ncompletion_tokens\t3072\nusd\t0.00%d+\n$"),
      run.out)
    cli.variables.NOVITA_API_KEY = ""
    assert.are.equal(3, core.decode(novita((RUN:gsub("run", "plan", 1)) .. " --json").out).to_send)
    assert.are.same({}, calls())
  end)

  it("ends with 3 where a budget or the key stops it, and goes on", function()
    local run = novita(RUN .. " --budget-tokens 5")
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("novita: 3 rows left (the budget does not suffice for the "
      .. "next row): with a larger one the same command goes on with them", 1, true), run.err)
    assert.are.same({ "not_run", "not_run", "not_run" }, answers())
    cli.variables.NOVITA_API_KEY = "sk_wrong"
    run = novita(RUN)
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("rows left (authentication", 1, true), run.err)
    run = novita(RUN .. " --json")
    assert.are.equal(3, run.status)
    assert.are.equal("authentication", core.decode(run.out).err.kind)
    assert.is_nil(run.out:find("sk_wrong", 1, true))
    assert.is_truthy(run.out:find('"paid_twice":[]', 1, true), run.out)
    cli.variables.NOVITA_API_KEY = "sk_spec"
    assert.are.equal(0, novita(RUN).status)
  end)

  it("ends with 3 where another process runs it, and names that", function()
    sim:script { { match = "/chat/completions", uses = 3, delay = 30 } }
    local terminal = cli.terminal(RUN)
    assert(sim:wait_for(function(entries)
      return entries[1] and entries[#entries].method == "POST"
    end))
    local run = novita(RUN)
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("locked by process " .. terminal.pid .. "\nnovita: the same "
      .. "command goes on with the store once that process ends\n", 1, true), run.err)
    assert.are.equal(terminal.pid, core.decode(novita("batch status out.db --json").out).running)
    terminal:type("\3")
    terminal:expect("finishing the calls that are sent; Ctrl-C again stops them")
    terminal:type("\3")
    assert.are.equal(130, terminal:finish())
  end)

  it("lets calls end after Ctrl-C, and goes on later", function()
    rows(40)
    sim:always { delay = 0.15 }
    local terminal = cli.terminal(RUN .. " --concurrency 4")
    assert(sim:wait_for(function() return #calls() >= 4 end))
    native.readable(terminal.fd, 0.02)
    terminal:type("\3")
    terminal:expect("finishing ")
    assert.are.equal(3, terminal:finish())
    assert.is_truthy(terminal.shown:find("rows left (interrupted): the same command goes on", 1,
      true), terminal.shown)
    sim:always(nil)
    local before = #calls()
    assert.are.equal(0, novita(RUN).status)
    assert.are.equal(40, #calls())
    assert.is_true(before < 40)
  end)
end)
