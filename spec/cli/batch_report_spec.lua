-- What novita batch says of a run.

local cli = require("spec.support.cli")

local RUN = cli.BATCH
local sim, novita, rows, calls = cli.sim, cli.novita, cli.rows, cli.calls

describe("novita batch", function()
  cli.with(cli.three_rows)

  it("says where the answers are, if it has no output", function()
    local run = novita((RUN:gsub("%-%-output out.jsonl ", "")))
    assert.are.same({ 0, "no --output: the answers are in the store, and novita batch export "
      .. "writes them" }, { run.status, run.err:match("\n([^\n]+)\n$") })
    assert.are.equal("3 lines in o.jsonl\n", novita("batch export rows.db --output o.jsonl").err)
  end)

  it("says where the answers are after a second Ctrl-C", function()
    rows(8)
    sim:script { { match = "row 5", delay = 30 } }
    local terminal = cli.terminal(RUN .. " --concurrency 1")
    assert(sim:wait_for(function() return #calls() == 5 end))
    terminal:type("\3")
    terminal:expect("finishing ")
    terminal:type("\3")
    assert.are.equal(130, terminal:finish())
    assert.is_truthy(terminal.shown:find("\nno output was written: the answers are in the store, "
      .. "and novita batch export writes them\r\n", 1, true), terminal.shown)
    assert.is_nil(terminal.shown:find("no --output", 1, true))
  end)

  it("says what is wrong with many rows once", function()
    local run = novita("batch run rows.jsonl --output out.jsonl --prompt '{{row.txt}}'")
    assert.are.same({ 1, "" }, { run.status, run.out })
    assert.are.equal("0/3 rows done, 3 failed, 0 sent, 0 tokens, 0.000000 USD\n"
      .. "novita: line 1 message: line 1, column 1: {{row.txt}} is missing\n"
      .. "novita: 3 rows failed; the same command goes on with them\n", run.err)
  end)
end)
