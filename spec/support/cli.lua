-- The `novita` command against the shared simulator, in a home of its own for each test.
--
--   cli.with()                          in a describe block; cli.with(cli.three_rows) also prepares
--   cli.novita("models llama", input)   runs the command to its end, as home:run of command.lua
--   cli.terminal("chat -i")             starts it at a terminal, as home:terminal
--   cli.home, cli.variables             those of the test, which may change them
--   cli.write("a.txt", "Hello")         makes a file in the home

local busted = require("busted")

local core = require("novita.core")

local command = require("spec.support.command")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

local cli = {
  sim = simulator.shared(),
  --- A batch of the rows that cli.rows makes.
  BATCH = "batch run rows.jsonl --output out.jsonl --prompt 'Sum up: {{row.text}}'",
}

local GREET = [[
  return function(run, trigger)
    local reply = run:chat("greet", { message = "Hello " .. trigger.name })
    run:each("more", { "x", "y" }, { message = "{{item}}" })
    return reply:text()
  end]]

local TWO_STEPS = [[
  return { name = "flow", retry = "none", flow = {
    { name = "first", chat = { message = "one {{trigger.x}}" } },
    { name = "second", chat = { message = "<two> {{steps.first.text}}" } },
  } }]]

--- Gives each test of a describe block an empty home, and a simulator without a journal.
---@param prepare? fun() makes the files that each test needs
function cli.with(prepare)
  busted.before_each(function()
    cli.sim:reset()
    cli.home = command.home()
    cli.variables = command.variables(cli.sim)
    if prepare then prepare() end
  end)
  busted.after_each(function() cli.home:remove() end)
end

--- Runs the command to its end.
---@param words string as a shell reads them
---@param input? string
---@return { status: integer, out: string, err: string }
function cli.novita(words, input) return cli.home:run(words, cli.variables, input) end

--- Runs `novita chat` to its end.
---@param words string
---@param input? string
---@return { status: integer, out: string, err: string }
function cli.chat(words, input) return cli.novita("chat " .. words, input) end

--- Starts the command at a terminal.
---@param words string
---@return table terminal
function cli.terminal(words) return cli.home:terminal(words, cli.variables) end

--- Makes a file in the home.
---@param name string
---@param text string
function cli.write(name, text) files.write(cli.home.path .. "/" .. name, text) end

-- Chats ------------------------------------------------------------------------------------------

--- The bodies of the chats that the server was asked.
---@return table[]
function cli.bodies()
  local list = {}
  for _, entry in ipairs(cli.sim:journal()) do
    if entry.path:find("/chat/completions", 1, true) then
      list[#list + 1] = core.decode(entry.body)
    end
  end
  return list
end

--- The last of them.
---@return table
function cli.last() return table.remove(cli.bodies()) end

--- Has the model say this to the next chat.
---@param text string
function cli.answer(text) cli.sim:script { { answer = { content = text } } } end

-- Batches ----------------------------------------------------------------------------------------

--- Writes so many rows to rows.jsonl.
---@param count integer
function cli.rows(count)
  local lines = {}
  for index = 1, count do
    lines[index] = ('{"id":"t%d","text":"row %d"}\n'):format(index, index)
  end
  cli.write("rows.jsonl", table.concat(lines))
end

--- Writes the rows of a small batch.
function cli.three_rows() cli.rows(3) end

--- The lines of an output, decoded.
---@param name? string out.jsonl
---@return table[]
function cli.output(name)
  local list = {}
  for line in files.read(cli.home.path .. "/" .. (name or "out.jsonl")):gmatch("[^\n]+") do
    list[#list + 1] = core.decode(line)
  end
  return list
end

--- What the model said to each row of out.jsonl, or the code of the error.
---@return string[]
function cli.answers()
  local list = {}
  for index, line in ipairs(cli.output()) do
    list[index] = line.response and line.response.body.choices[1].message.content
      or line.error.code
  end
  return list
end

--- The bodies of all that was posted, as far as they have arrived.
---@return table[]
function cli.calls()
  local list = {}
  for _, entry in ipairs(cli.sim:journal()) do
    if entry.method == "POST" and entry.body then list[#list + 1] = core.decode(entry.body) end
  end
  return list
end

-- Flows ------------------------------------------------------------------------------------------

--- Writes greet.lua, a flow that greets trigger.name and asks two more things.
function cli.greet() cli.write("greet.lua", GREET) end

--- Writes flow.lua, a flow of the steps "first" and "second".
function cli.two_steps() cli.write("flow.lua", TWO_STEPS) end

--- The id of a run of flow.lua that is paused at "second".
---@return string
function cli.paused()
  cli.sim:script { { match = "<two>", status = 400 } }
  busted.assert.are.equal(3, cli.novita("run flow.lua -p x=a").status)
  return cli.novita("runs list --status paused").out:match("^%x+")
end

-- Templates --------------------------------------------------------------------------------------

--- Writes prompt.txt, a template with a list, and row.json, what fills it.
function cli.template()
  cli.write("prompt.txt", "{{#items}}{{title}}, {{/items}}{{name}}\n")
  cli.write("row.json", '{"name":"Ann","items":[{"title":"a"},{"title":"b"}]}')
end

return cli
