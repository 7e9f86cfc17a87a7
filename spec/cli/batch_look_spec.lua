-- novita batch export: it overwrites neither rows nor store.

local cli = require("spec.support.cli")
local files = require("spec.support.files")

local sqlite = require("novita.sqlite")

local RUN = cli.BATCH
local novita = cli.novita

describe("novita batch", function()
  cli.with(cli.three_rows)

  it("leaves its rows and its store as they are", function()
    novita(RUN)
    for _, name in ipairs { "rows.jsonl", "out.db" } do
      local before = files.read(cli.home.path .. "/" .. name)
      local run = novita("batch export out.db --output " .. name)
      assert.are.same({ 2, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find('output: "' .. name .. '": is the ', 1, true), run.err)
      assert.are.equal(before, files.read(cli.home.path .. "/" .. name))
    end
    assert.are.equal(2, novita("batch run rows.jsonl --store rows.jsonl --prompt x").status)
  end)

  -- Changes the store of a batch that has run.
  local function damage(sql)
    local db = assert(sqlite.open(cli.home.path .. "/out.db"))
    assert(db:query(sql))
    db:close()
  end

  it("says of a store which part of it is damaged", function()
    novita(RUN)
    for _, case in ipairs {
      { "update call set state = 'failed', error = '{no'", "status", 0, "its error in the store" },
      { "update call set state = 'failed', error = '[1]'", "export", 0, "" },
      { "update meta set value = '{no' where name <> 'schema'", "resume", 2, "command line" },
      { "update meta set value = '7' where name <> 'schema'", "resume", 2, "command line" },
      { "update batch set settings = '{no'", "status", 2, "batch rows.jsonl: its settings" },
      { "update batch set settings = '{no'", "export", 2, "batch rows.jsonl: its settings" },
      { "update meta set value = 'x' where name = 'schema'", "status", 2, 'schema, "x"' },
      { "update meta set value = '-1' where name = 'schema'", "status", 2, 'schema, "-1"' },
    } do
      damage(case[1])
      local run = novita(("batch %s out.db"):format(case[2]))
      assert.are.equal(case[3], run.status, run.err)
      assert.is_truthy(run.err:find(case[4], 1, true), run.err)
    end
  end)
end)
