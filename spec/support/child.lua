-- Other processes: a fork of this one, and fresh interpreters.
--
--   local result = child.fork(function() return "text" end)      raises what fn raised
--   local output, how, number = child.run([[print("hi")]], { NAME = "value" })
--   local output, how, number = child.run_file("examples/hello.lua", {}, "an argument")
--   local process = child.start(code); native.kill(process.pid, "INT"); process:finish()
--
-- A fresh interpreter runs the Lua that runs the specs (NOVITA_LUA), with the same paths.

local files = require("spec.support.files")
local native = require("spec.support.native")

local child = {}

local function taken(path)
  local text = files.read(path)
  os.remove(path)
  return text
end

--- Runs fn in a fork of this process, which then ends without any finalizer.
---@param fn fun(): any
---@return string result what fn returned, as text; what it raised is raised here
function child.fork(fn)
  local path = os.tmpname()
  local pid = native.fork()
  if pid == 0 then
    local ok, result = pcall(fn)
    pcall(files.write, path, tostring(result))
    native.quit(ok and 0 or 1)
  end
  local how, number = native.wait(pid)
  local text = taken(path)
  if how ~= "exit" or number ~= 0 then
    error(("child ended with %s %d: %s"):format(how, number, text), 2)
  end
  return text
end

local methods = {}
local mt = { __name = "child", __index = methods }

-- With the sanitizer that helper.lua has put aside, since the module needs it.
local function start(words, environment)
  local all = { "env" }
  local preload = os.getenv("NOVITA_PRELOAD")
  if preload then all[#all + 1] = "LD_PRELOAD=" .. preload end
  for name, value in pairs(environment or {}) do
    if value then all[#all + 1] = name .. "=" .. value end
  end
  all[#all + 1] = os.getenv("NOVITA_LUA") or "lua5.4"
  for _, word in ipairs(words) do all[#all + 1] = word end
  local path = os.tmpname()
  return setmetatable({ path = path, pid = native.spawn(all, path) }, mt)
end

--- Starts a fresh interpreter.
---@param code string what it runs
---@param environment? table<string, string|false>
---@return table process with pid
function child.start(code, environment)
  return start({ "-e", code }, environment)
end

--- Starts a file with arguments.
---@param words string[]
---@param environment? table<string, string|false>
---@return table process with pid
function child.start_words(words, environment)
  return start(words, environment)
end

--- Waits until it sleeps, as in a poll, for 10 s at most. A busy machine may keep it from that.
function methods:sleeps()
  local times = 0
  for _ = 1, 1000 do
    local state = files.read("/proc/" .. self.pid .. "/stat"):match("^%d+ %b() (%a)")
    times = state == "S" and times + 1 or 0
    if times == 5 then return end
    native.readable(-1, 0.01)
  end
end

--- Waits until it has written so many lines, at most 10 s.
---@param count integer
function methods:prints(count)
  for _ = 1, 1000 do
    if select(2, files.read(self.path):gsub("\n", "")) >= count then return end
    native.readable(-1, 0.01)
  end
end

--- Waits for its end.
---@return string output, string how "exit" or "signal", integer number
function methods:finish()
  local how, number = native.wait(self.pid)
  return taken(self.path), how, number
end

--- Runs a fresh interpreter to its end.
---@return string output, string how "exit" or "signal", integer number
function child.run(code, environment)
  return child.start(code, environment):finish()
end

--- Runs a file with arguments.
---@param path string
---@param environment? table<string, string|false>
---@return string output, string how "exit" or "signal", integer number
function child.run_file(path, environment, ...)
  return start({ path, ... }, environment):finish()
end

return child
