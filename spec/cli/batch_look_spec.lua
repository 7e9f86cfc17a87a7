-- novita batch export: it overwrites neither rows nor store.

local command = require("spec.support.command")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

local RUN = "batch run rows.jsonl --output out.jsonl --prompt 'Sum up: {{row.text}}'"

describe("novita batch", function()
  local sim = simulator.shared()
  local home, variables

  local function rows(count)
    local lines = {}
    for index = 1, count do
      lines[index] = ('{"id":"t%d","text":"row %d"}\n'):format(index, index)
    end
    files.write(home.path .. "/rows.jsonl", table.concat(lines))
  end

  before_each(function()
    home = command.home()
    variables = command.variables(sim)
    sim:reset()
    rows(3)
  end)
  after_each(function() home:remove() end)

  local function novita(words, input) return home:run(words, variables, input) end

  it("leaves its rows and its store as they are", function()
    novita(RUN)
    for _, name in ipairs { "rows.jsonl", "out.db" } do
      local before = files.read(home.path .. "/" .. name)
      local run = novita("batch export out.db --output " .. name)
      assert.are.same({ 2, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find('output: "' .. name .. '": is the ', 1, true), run.err)
      assert.are.equal(before, files.read(home.path .. "/" .. name))
    end
    assert.are.equal(2, novita("batch run rows.jsonl --store rows.jsonl --prompt x").status)
  end)
end)
