-- :NovitaRun of examples/neovim: a workflow started from the editor, paused and retried there.

local editor = require("spec.support.editor")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

local FLOW = [[
return {
  name = "notes", store = "@folder/runs.db", base_url = "@url", api_key = "sk_spec", retry = "none",
  flow = function(run, trigger)
    run:chat("first", { model = "simulator/echo", message = trigger.text })
    return run:chat("second", { model = "simulator/echo", message = "more" }):text()
  end,
}
]]

local CODE = [[
  vim.cmd("runtime plugin/novita_run.lua")
  local said = {}
  vim.notify = function(text) said[#said + 1] = text end
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { "one", "two", "three" })
  local function run(command, till)
    said = {}
    local since = now()
    vim.cmd(command)
    local seconds = now() - since
    wait(function() return #said > 0 and said[#said]:find(till) end)
    assert(seconds < 0.5, "the command has waited for the answer")
    return table.concat(said, "\n")
  end
]]

describe(":NovitaRun", function()
  local sim, folder

  setup(function() sim = simulator.shared() end)
  before_each(function()
    sim:reset()
    folder = files.folder()
    files.write(folder .. "/flow.lua", (FLOW:gsub("@(%l+)", { folder = folder, url = sim.url })))
  end)

  -- In the folder of the flow: a message is cut where the line ends.
  local function in_editor(code)
    return editor.run(("vim.cmd(%q)\n"):format("cd " .. folder) .. CODE .. code,
      { rtp = { editor.root, editor.root .. "/examples/neovim" } })
  end

  it("runs a flow with the lines as trigger, and retries it where it has paused", function()
    sim:script { { delay = 0.6 }, { status = 400, body = '{"message":"not now"}' } }
    local said = in_editor([[
      local first = run("2,3NovitaRun flow.lua", "second failed")
      local second = run("NovitaRun! flow.lua", "is done")
      return { first, second }
    ]])
    local first, second = said[1], said[2]
    assert.is_truthy(first:find("^novita: first %.%.%.\nnovita: second %.%.%.\n"), first)
    assert.is_truthy(first:find("second failed, :NovitaRun! retries run %x+: not now$"), first)
    assert.is_truthy(second:find("^novita: second %.%.%.\nnovita: run %x+ is done$"), second)
    local journal = sim:journal()
    assert.are.equal(3, #journal)
    assert.is_truthy(journal[1].body:find('"two\\nthree"', 1, true), journal[1].body)
  end)

  it("says what it can't run", function()
    local said = in_editor([[
      return {
        run("NovitaRun none.lua", "none.lua"),
        run("NovitaRun! flow.lua x", "no run"),
        run("NovitaRun! flow.lua", "no run"),
      }
    ]])
    assert.is_truthy(said[1]:find("cannot open", 1, true), said[1])
    assert.is_truthy(said[2]:find('"x" is the id of no run', 1, true), said[2])
    assert.is_truthy(said[3]:find("has paused", 1, true), said[3])
    assert.are.same({}, sim:journal())
  end)
end)
