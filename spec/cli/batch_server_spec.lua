-- novita batch submit and novita batch fetch.

local core = require("novita.core")

local cli = require("spec.support.cli")

local RUN = cli.BATCH
local sim, novita, output = cli.sim, cli.novita, cli.output

describe("novita batch", function()
  cli.with(cli.three_rows)

  it("sends rows to the server's Batch API, and fetches their answers", function()
    cli.variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
    local run = novita((RUN:gsub("run", "submit", 1)))
    assert.are.same({ status = 0, out = "", err = "3 rows sent, 1 file at the server\n" }, run)
    run = novita("batch status out.db")
    assert.is_truthy(run.out:find("\nremote\t3\n", 1, true), run.out)
    assert.is_truthy(run.out:find("\npart 1\t3 rows, %l+\n"), run.out)
    run = novita("batch resume out.db")
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("3 rows left (at the server: novita batch fetch)", 1, true),
      run.err)
    run = novita("batch fetch out.db --wait --interval 0.05")
    assert.are.same({ 0, "3 results fetched, 3/3 rows done, 0 failed\n" }, { run.status, run.err })
    assert.are.equal("t2", output()[2].custom_id)
    assert.are.equal(0, core.decode(novita("batch fetch out.db --json").out).rows)
  end)

  it("submits no more rows than the budget allows", function()
    cli.variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
    local run = novita((RUN:gsub("run", "submit --budget-tokens 1", 1)))
    assert.are.same({ status = 3, out = "", err = "0 rows sent, 0 files at the server\n"
      .. "novita: 3 rows left (the budget does not suffice for the next row)\n" }, run)
  end)

  it("says that the server is not done yet", function()
    cli.variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
    novita((RUN:gsub("run", "submit --no-prompts", 1)))
    sim:script { { match = "/batches/", body = '{"id":"batch_1","status":"in_progress"}' } }
    local run = novita("batch fetch out.db")
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("novita: 1 file left at the server; the same command", 1, true),
      run.err)
  end)

  it("goes on later where the server can't be reached, or does not take the key", function()
    cli.variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
    local submit = RUN:gsub("run", "submit", 1)
    local function ends_later(words, changed, value, remedy)
      local kept = cli.variables[changed]
      cli.variables[changed] = value
      local run = novita(words)
      cli.variables[changed] = kept
      assert.are.same({ 3, "" }, { run.status, run.out }, words)
      assert.is_truthy(run.err:find("\nnovita: the same command goes on once " .. remedy .. "\n",
        1, true), run.err)
    end
    sim:script { { match = "/files", status = 503, headers = { ["x-should-retry"] = "false" } } }
    ends_later(submit, "NOVITA_BASE_URL", sim.url, "its server answers")
    ends_later(submit, "NOVITA_API_KEY", "sk_wrong", "the key is right")
    assert.are.equal(0, novita(submit).status)
    ends_later("batch fetch out.db", "NOVITA_BASE_URL", "http://127.0.0.1:1", "its server answers")
    ends_later("batch fetch out.db", "NOVITA_API_KEY", "sk_wrong", "the key is right")
    assert.are.equal(0, novita("batch status out.db").status) -- says what is known
    assert.are.equal(0, novita("batch fetch out.db --wait --interval 0.05").status)
  end)

  it("ends with 1 where the server refuses what the same command would send again", function()
    cli.variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
    sim:script { { match = "/files", status = 400 } }
    local run = novita((RUN:gsub("run", "submit", 1)))
    assert.are.same({ 1, "" }, { run.status, run.out })
    assert.is_nil(run.err:find("the same command", 1, true), run.err)
  end)
end)
