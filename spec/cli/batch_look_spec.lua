-- novita batch export: it overwrites neither rows nor store.

local cli = require("spec.support.cli")
local files = require("spec.support.files")

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
end)
