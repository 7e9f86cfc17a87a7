-- The `novita` command, as a shell starts it.
--
--   local home = command.home()                   a folder for its files; home:remove()
--   local run = home:run("models llama", { NAME = "value" }, "standard input")
--   assert.are.same({ 0, "..." }, { run.status, run.out })        and run.err
--
--   local terminal = home:terminal("chat -i", { NAME = "value" }, 80)   at a pseudo-terminal
--   terminal:expect("> ")           waits for this text, and returns what came until behind it
--   terminal:type("Hello\n")
--   local status = terminal:finish()      waits for the end; terminal.shown is all it wrote

local files = require("spec.support.files")
local native = require("spec.support.native")
local pty = require("spec.support.pty")
local shell = require("spec.support.shell")

local command = {}

local SECONDS = 20 -- for anything to come

local home_mt, terminal_mt = { __index = {} }, { __index = {} }
local home_methods, terminal_methods = home_mt.__index, terminal_mt.__index

local function quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

--- Makes a folder with nothing in it.
function command.home()
  return setmetatable({ path = files.folder() }, home_mt)
end

--- Returns the environment in which the command asks a simulator.
---@param sim table
---@return table<string, string>
function command.variables(sim)
  return {
    NOVITA_BASE_URL = sim.url, NOVITA_API_KEY = "sk_spec", NOVITA_MODEL = "simulator/echo",
  }
end

function home_methods:remove()
  os.execute("rm -rf " .. quote(self.path))
end

-- What a shell runs: a command with these variables and no others that ours knows.
local function shell_line(home, command_line, environment)
  local parts = { "env -u NOVITA_MODEL -u XDG_CONFIG_HOME -u XDG_DATA_HOME",
    "HOME=" .. quote(home.path), "TERM=xterm", "NOVITA_LUA=" .. (os.getenv("NOVITA_LUA")
    or "lua5.4") }
  local preload = os.getenv("NOVITA_PRELOAD")
  if preload then parts[#parts + 1] = "LD_PRELOAD=" .. quote(preload) end
  for name, value in pairs(environment or {}) do
    parts[#parts + 1] = name .. "=" .. quote(value)
  end
  parts[#parts + 1] = command_line
  return table.concat(parts, " ")
end

local function own(words) return shell.line("pwd") .. "/bin/novita " .. words end

--- Runs the command to its end. Its standard input is `input`, or empty.
---@param words string as a shell reads them
---@param environment? table<string, string>
---@param input? string
---@return { status: integer, out: string, err: string }
function home_methods:run(words, environment, input)
  local base = os.tmpname()
  local file = assert(io.open(base .. ".in", "wb"))
  file:write(input or "")
  file:close()
  local line = ("cd %s; { %s; } <%s.in >%s.out 2>%s.err; echo $? >%s"):format(quote(self.path),
    shell_line(self, own(words), environment), base, base, base, base)
  os.execute(line)
  local result = {
    status = tonumber(files.read(base)), out = files.read(base .. ".out"),
    err = files.read(base .. ".err"),
  }
  os.execute("rm -f " .. base .. " " .. base .. ".*")
  return result
end

local function at_terminal(home, line, columns)
  local pid, fd = pty.start({ "sh", "-c", ("cd %s; exec %s"):format(quote(home.path), line) },
    columns or 80)
  return setmetatable({ pid = pid, fd = fd, shown = "", seen = 1 }, terminal_mt)
end

--- Starts the command at a terminal.
---@param words string as a shell reads them
---@param environment? table<string, string>
---@param columns? integer 80
function home_methods:terminal(words, environment, columns)
  return at_terminal(self, shell_line(self, own(words), environment), columns)
end

--- Starts any command line at a terminal, with `novita` in its PATH.
---@param line string
---@param environment? table<string, string>
---@param columns? integer 80
function home_methods:shell(line, environment, columns)
  local all = { PATH = shell.line("pwd") .. "/bin:" .. os.getenv("PATH") }
  for name, value in pairs(environment or {}) do all[name] = value end
  return at_terminal(self, shell_line(self, "sh -c " .. quote(line), all), columns)
end

-- Takes what it has written meanwhile; false at the end.
local function take(self)
  local bytes = pty.read(self.fd, SECONDS)
  if not bytes then return false end
  if bytes == "" then error("nothing came behind: " .. self.shown, 3) end
  self.shown = self.shown .. bytes
  return true
end

--- Waits for a text, plain.
---@return string what came until behind it
function terminal_methods:expect(text)
  while true do
    local _, last = self.shown:find(text, self.seen, true)
    if last then
      local before = self.shown:sub(self.seen, last)
      self.seen = last + 1
      return before
    end
    if not take(self) then error(("no %q in: %s"):format(text, self.shown), 2) end
  end
end

function terminal_methods:type(text)
  pty.write(self.fd, text)
end

function terminal_methods:resize(columns)
  pty.resize(self.fd, columns)
end

function terminal_methods:echoes()
  return pty.echoes(self.fd)
end

--- Waits for the end of the command.
---@return integer status 128 + the signal that ended it
function terminal_methods:finish()
  while take(self) do end -- luacheck: ignore
  pty.close(self.fd)
  local how, number = native.wait(self.pid)
  return how == "exit" and number or 128 + number
end

return command
