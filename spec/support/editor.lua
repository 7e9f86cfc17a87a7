-- Neovim, the real one: headless for what a program can ask it, in a terminal for what a person
-- sees.
--
--   local result, output = editor.run([[ ... return value ]], { cpath = "" })
--   local session = editor.terminal("commands")      a tmux session that shows Neovim
--   session:type(":echo 1", "Enter"); session:wait_for("1"); session:stop()
--
-- Code finds `novita` on the runtime path, and these: client(options), a client of the shared
-- simulator; request(fields); wait(condition[, ms]), which lets Neovim work and raises when the
-- time is up; now(), in seconds; report(value), for terminals: what session:result() gives.

local socket = require("socket")

local data = require("spec.support.data")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

local PATIENCE = 20 -- seconds for a headless run
local SLOW_NAME = os.getenv("LUA_CPATH"):match("^[^;]+"):gsub("%?", "spec/support/slowname")

local editor = { root = assert(io.popen("pwd")):read("*l") }

--- A word of a shell's command line.
function editor.quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

local quote = editor.quote

--- The environment in which looking up a name takes five seconds.
editor.slow_names = "NAME_SECONDS=5 LD_PRELOAD=" .. quote(SLOW_NAME)

local PRELUDE = [[
local result_file, root, url, key = ...
function _G.report(value)
  local file = assert(io.open(result_file, "w"))
  file:write(dofile(root .. "/spec/support/data.lua").encode(value))
  file:close()
end
function _G.now() return vim.loop.hrtime() / 1e9 end
function _G.client(options)
  local all = { base_url = url, api_key = key }
  for name, value in pairs(options or {}) do all[name] = value end
  return require("novita").new(all)
end
function _G.request(fields)
  local all = { model = "simulator/echo", message = "Hello there" }
  for name, value in pairs(fields or {}) do all[name] = value end
  return all
end
function _G.wait(condition, ms)
  if not vim.wait(ms or 5000, condition, 2) then error("waited in vain", 2) end
end
]]

local RUN = PRELUDE .. [[
local ok, result = xpcall(function() %s
end, debug.traceback)
report { ok = ok, result = result }
]]

local function write(path, text)
  files.write(path, text)
  return path
end

-- The command line, up to what Neovim is to do. No settings of the user's, no swap file.
local function command(folder, options)
  local words = {
    "env", "-u", "NOVITA_API_KEY", "-u", "NOVITA_BASE_URL", "-u", "LUA_PATH", "-u", "LUA_INIT",
    "HOME=" .. quote(folder), "XDG_CONFIG_HOME=" .. quote(folder .. "/config"),
    "XDG_DATA_HOME=" .. quote(folder .. "/data"), "XDG_STATE_HOME=" .. quote(folder .. "/state"),
    "LUA_CPATH=" .. quote(options.cpath or (editor.root .. "/build/luajit/?.so;;")),
    options.environment or "", "nvim", "-n", "-i", "NONE", options.flags or "--clean -u NONE",
  }
  for _, path in ipairs(options.rtp or { editor.root }) do
    words[#words + 1] = "--cmd " .. quote("set rtp^=" .. path)
  end
  return table.concat(words, " ")
end

local function lua_call(path, ...)
  local words = {}
  for index, word in ipairs { ... } do words[index] = ("%q"):format(word) end
  return ("lua assert(loadfile(%q))(%s)"):format(path, table.concat(words, ", "))
end

--- Runs code in a headless Neovim. Returns what the code returned (data, as in data.lua), all
--- that was printed, and the exit status; an error of the code's is raised.
---@param code string
---@param options? table cpath, rtp (a list), environment (words for env), flags (in place of
---  --clean -u NONE), stay (the code quits)
---@return any result, string output, integer status
function editor.run(code, options)
  options = options or {}
  local folder = files.folder() -- for all files of Neovim
  local result_file = folder .. "/result"
  local script = write(folder .. "/code.lua", (RUN:gsub("%%s", function() return code end)))
  local sim = simulator.shared()
  local line = ("timeout -k 1 %d %s --headless -c %s %s </dev/null >%s 2>&1; echo $?"):format(
    PATIENCE, command(folder, options), quote(lua_call(script, result_file, editor.root, sim.url,
      "sk_spec")), options.stay and "" or "-c qa!", quote(folder .. "/output"))
  local pipe = assert(io.popen(line))
  local status = tonumber(pipe:read("*a"):match("(%d+)%s*$"))
  pipe:close()
  local output, text = files.read(folder .. "/output") or "", files.read(result_file) or ""
  if status == 127 then error("nvim is not installed", 2) end
  if options.stay then return nil, output, status end
  local answer = data.decode(text)
  if not answer then error(("Neovim ended with %d: %s"):format(status, output), 2) end
  if not answer.ok then error(tostring(answer.result) .. "\n" .. output, 2) end
  return answer.result, output, status
end

-- Terminals -------------------------------------------------------------------------------------

local methods = {}
local mt = { __name = "terminal", __index = methods }

local function tmux(self, words)
  local pipe = assert(io.popen(("tmux -L %s -f /dev/null %s 2>&1"):format(self.name, words)))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- Starts Neovim in a terminal; code runs first, as for editor.run.
---@param code string
---@param options? table as for editor.run; columns, rows
---@return table session
function editor.terminal(code, options)
  options = options or {}
  local folder = files.folder()
  local self = setmetatable({ folder = folder, name = "novita-" .. folder:match("[^/.]+$") }, mt)
  local script = write(folder .. "/code.lua", PRELUDE .. code)
  local line = command(folder, options) .. " -c " .. quote(lua_call(script, folder .. "/result",
    editor.root, simulator.shared().url, "sk_spec"))
  local said = tmux(self, ("new-session -d -x %d -y %d %s"):format(options.columns or 80,
    options.rows or 24, quote("exec " .. line)))
  if said ~= "" then error("tmux: " .. said, 2) end
  return self
end

--- Presses keys, by tmux's names for them, or types text.
function methods:type(...)
  for _, key in ipairs { ... } do tmux(self, "send-keys " .. quote(key)) end
end

--- What is on the screen.
function methods:screen()
  return tmux(self, "capture-pane -p")
end

--- Waits until the screen shows a text; raises when it does not.
function methods:wait_for(text, seconds)
  local till = socket.gettime() + (seconds or 5)
  repeat
    local screen = self:screen()
    if screen:find(text, 1, true) then return screen end
    socket.sleep(0.02)
  until socket.gettime() > till
  error(("%q does not come up in:\n%s"):format(text, self:screen()), 2)
end

--- Is Neovim still there?
function methods:alive()
  return tmux(self, "has-session") == ""
end

--- What the code wrote into its result file, once there is something.
function methods:result(seconds)
  local till = socket.gettime() + (seconds or 5)
  repeat
    local value = data.decode(files.read(self.folder .. "/result") or "")
    if value ~= nil then return value end
    socket.sleep(0.02)
  until socket.gettime() > till
  error("no result; the screen is:\n" .. self:screen(), 2)
end

function methods:stop()
  tmux(self, "kill-server")
  socket.sleep(0.02) -- Neovim may still be writing
end

return editor
