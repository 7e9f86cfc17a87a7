-- The line that says how far a batch is.

local child = require("spec.support.child")
local command = require("spec.support.command")
local files = require("spec.support.files")
local progress = require("novita.cli.progress")
local simulator = require("spec.support.simulator_client")

describe("the line of progress", function()
  it("has what is known", function()
    local status = { total = 10, done = 3, failed = 1, waiting = 6, active = 2, tokens = 1234,
      usd = 0.5, seconds = 8, rate = 0.5, seconds_left = 75.4 }
    assert.are.equal("4/10 rows, 1 failed, 0.5/s, 1234 tokens, 0.5000 USD, 1:15 left",
      progress.line(status))
    status.seconds_left = 3661
    assert.is_truthy(progress.line(status):find(", 1:01:01 left", 1, true))
    status.usd, status.waiting = nil, 0
    assert.are.equal("4/10 rows, 1 failed, 0.5/s, 1234 tokens", progress.line(status))
  end)

  it("is written now and then where there is no terminal", function()
    local shown = child.run([[
      local core, now = require("novita.core"), 0
      function core.now() return now end
      local bar = require("novita.cli.progress").new()
      for second = 0, 25 do
        now = second
        bar:update { total = 9, done = second, failed = 0, waiting = 0, tokens = 0, rate = 0 }
      end
      bar:finish()
    ]])
    assert.are.equal("10/9 rows, 0 failed, 0.0/s, 0 tokens\n"
      .. "20/9 rows, 0 failed, 0.0/s, 0 tokens\n", shown)
  end)

  it("is redrawn at a terminal, also when that gets narrower", function()
    local sim, home = simulator.shared(), command.home()
    sim:reset()
    sim:always { delay = 0.1 }
    local lines = {}
    for index = 1, 30 do lines[index] = ('{"id":"%d","text":"x"}\n'):format(index) end
    files.write(home.path .. "/rows.jsonl", table.concat(lines))
    local terminal = home:terminal("batch run rows.jsonl -m simulator/echo --prompt '{{row.text}}' "
      .. "--concurrency 2", { NOVITA_BASE_URL = sim.url, NOVITA_API_KEY = "sk_x" }, 80)
    terminal:expect("/30 rows")
    terminal:expect("\r\27[J") -- the line before had one row
    terminal:resize(20)
    terminal:expect("\27[2A\27[J") -- it has three now
    local line = terminal:expect("\r")
    assert.is_true(#line <= 20, line)
    terminal:resize(200)
    terminal:expect(" USD")
    assert.are.equal(0, terminal:finish())
    assert.is_truthy(terminal.shown:find("\r\n30/30 rows done, 0 failed, 30 sent", 1, true))
    sim:always(nil)
    home:remove()
  end)
end)
