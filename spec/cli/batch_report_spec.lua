-- What novita batch says of a run.

local core = require("novita.core")

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

  local function calls()
    local list = {}
    for _, entry in ipairs(sim:journal()) do
      if entry.method == "POST" then list[#list + 1] = core.decode(entry.body) end
    end
    return list
  end

  it("says where the answers are, if it has no output", function()
    local run = novita((RUN:gsub("%-%-output out.jsonl ", "")))
    assert.are.same({ 0, "no --output: the answers are in the store, and novita batch export "
      .. "writes them" }, { run.status, run.err:match("\n([^\n]+)\n$") })
    assert.are.equal("3 lines in o.jsonl\n", novita("batch export rows.db --output o.jsonl").err)
  end)

  it("says where the answers are after a second Ctrl-C", function()
    rows(8)
    sim:script { { match = "row 5", delay = 30 } }
    local terminal = home:terminal(RUN .. " --concurrency 1", variables)
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
