-- The batch of a command line, or of a store that knows it.

local core = require("novita.core")

local cli = require("spec.support.cli")
local command = require("spec.support.command")

local RUN = cli.BATCH
local sim, novita, output, answers = cli.sim, cli.novita, cli.output, cli.answers

describe("novita batch", function()
  cli.with(cli.three_rows)

  it("goes on by its store alone, which says how far it is", function()
    sim:script { { match = "/chat/completions", status = 400 } }
    local run = novita(RUN .. " --concurrency 1")
    assert.are.equal(1, run.status)
    assert.is_truthy(run.err:find("novita: line 1: bad_request 400: [^\n]+\n"
      .. "novita: 1 row failed; the same command goes on"), run.err)
    local status = core.decode(novita("batch status out.db --json").out)
    assert.are.same({ 3, 2, 1 }, { status.total, status.done, status.failed })
    run = novita("batch status out.db")
    assert.is_truthy(run.out:find("^name\trows.jsonl\ntotal\t3\ndone\t2"), run.out)
    assert.is_truthy(run.err:find("^novita: line 1: bad_request 400: [^\n]+\n$"), run.err)
    assert.are.equal(0, novita("batch resume out.db").status)
    assert.are.equal("Sum up: row 1", answers()[1])
    assert.are.same({ status = 0, out = '{"lines":3}\n', err = "3 lines in o.jsonl\n" },
      novita("batch export out.db --output o.jsonl --json"))
    assert.are.equal(3, #output("o.jsonl"))
  end)

  it("says which batches a store has, and where one was begun", function()
    novita(RUN .. " --name one")
    novita(RUN .. " --name two")
    local run = novita("batch status out.db")
    assert.are.same({ 2, "novita: config: name: the batches of the store are one, two: choose one "
      .. "by --name\n" }, { run.status, run.err })
    assert.are.equal(0, novita("batch status out.db --name two").status)
    local other = command.home()
    run = other:run("batch resume " .. cli.home.path .. "/out.db --name one", cli.variables)
    other:remove()
    assert.are.equal(2, run.status)
    assert.is_truthy(run.err:find("it was begun in ", 1, true), run.err)
    run = novita("batch status none.db")
    assert.are.same({ 2, "novita: config: store: none.db: No such file or directory\n" },
      { run.status, run.err })
  end)
end)
