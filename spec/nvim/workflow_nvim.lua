-- A workflow in Neovim: in a task, a run does not block the editor, and pauses there.

local editor = require("spec.support.editor")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

local CODE = [[
  local ticks, lines = 0, 0
  local timer = vim.loop.new_timer()
  timer:start(0, 5, function() ticks = ticks + 1 end)
  local flow = assert(client { retry = "none" }:workflow("spec", function(run)
    local list = run:each("many", { "a", "b", "c" }, request { message = "{{item}}" })
    run:step("lines", function() return #vim.api.nvim_buf_get_lines(0, 0, -1, false) end)
    return run:chat("last", request { message = list[3]:text() .. "!" }):text()
  end, { store = "%s/runs.db" }))
  local function in_task(fn)
    local since, record = now(), nil
    require("novita").spawn(function() record = assert(fn()) end)
    local at_once = now() - since < 0.1
    wait(function() return record end)
    return record, at_once
  end
]]

describe("in Neovim, a workflow", function()
  local sim, folder

  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    folder = files.folder()
  end)

  it("pauses in a task and is retried, while the editor goes on", function()
    sim:script { { match = '"a"', delay = 0.2 }, { match = '"c!"', status = 400 } }
    assert.are.same({ "paused", "last", true, true, "done", "c!", 1 }, editor.run(CODE:gsub("%%s",
      folder) .. [[
      local paused, at_once = in_task(function() return flow:start() end)
      local ticked = ticks > 20
      local done = in_task(function() return flow:retry(paused.id) end)
      timer:close()
      local sent = 0
      for _, entry in ipairs(done.log) do
        if entry.pass == 2 and entry.state == "done" then sent = sent + 1 end
      end
      return { paused.status, paused.failed_step, at_once, ticked, done.status, done.result, sent }
    ]]))
  end)
end)
