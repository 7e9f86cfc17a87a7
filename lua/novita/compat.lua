--- Functions that differ between the versions of Lua.

local compat = {
  unpack = rawget(_G, "unpack") or table.unpack, -- luacheck: ignore 143
}

-- Whether the compiler of this LuaJIT may cut a pointer in two where it compiles next, on x64, so
-- that the process crashes (LuaJIT issue 829, in those of September 2021 to April 2022; Debian 12
-- has one). All betas are alike to a script.
local jit = rawget(_G, "jit")
local is_unsafe = jit and jit.arch == "x64" and jit.version:find("beta", 1, true) ~= nil

--- next, never compiled where that may crash.
---@generic K, V
---@type fun(t: table<K, V>, key?: K): K?, V?
compat.next = next

--- pairs under another name. LuaJIT before April 2022 specializes loops over `pairs` and `next` by
--- their names, and a hot loop may end early when its trace is aborted (LuaJIT issue 827): a copy
--- of a table then lacks members.
compat.each = pairs

if is_unsafe then
  local function interpreted(t, key) return next(t, key) end
  local function each(t)
    local step, state, key = pairs(t)
    return step == next and interpreted or step, state, key
  end
  jit.off(interpreted)
  compat.next, compat.each = interpreted, each
end

--- Returns an object whose collection calls a function. Before 5.2 only userdata have finalizers,
--- and a script creates them with newproxy.
---@param fn fun()
---@return any
function compat.finalizer(fn)
  local newproxy = rawget(_G, "newproxy")
  if not newproxy then return setmetatable({}, { __gc = fn }) end
  local proxy = newproxy(true)
  getmetatable(proxy).__gc = fn
  return proxy
end

-- Lua 5.1 (but not LuaJIT) can't yield inside pcall: there the function runs in a coroutine of its
-- own, whose yields are passed on; compat.running returns the coroutine that created it.
local roots = setmetatable({}, { __mode = "k" })

local function pass_on(thread, ok, ...)
  if coroutine.status(thread) ~= "suspended" then return ok, ... end
  return pass_on(thread, coroutine.resume(thread, coroutine.yield(...)))
end

local function pcall_51(fn, ...)
  local parent = coroutine.running()
  if not parent then return pcall(fn, ...) end
  local thread = coroutine.create(function(...) return fn(...) end) -- fn may be one of C
  roots[thread] = roots[parent] or parent
  return pass_on(thread, coroutine.resume(thread, ...))
end

local function running_51()
  local thread = coroutine.running()
  return roots[thread] or thread
end

local function yields_in_pcall()
  if rawget(_G, "jit") then return true end -- in nginx the test would yield inside require
  local probe = coroutine.create(function() pcall(coroutine.yield) end)
  coroutine.resume(probe)
  return coroutine.status(probe) == "suspended"
end

local yields = yields_in_pcall()

--- pcall, in which functions may yield on every Lua.
compat.pcall = yields and pcall or pcall_51

--- Adds a traceback to a text, which debug.traceback by itself cuts at a NUL.
---@param text string
---@param from integer|thread the first level in it, 1 for the caller; or a coroutine
---@return string
function compat.traceback(text, from)
  if type(from) == "thread" then return text .. debug.traceback(from, "") end
  return text .. debug.traceback("", from + 1)
end

--- Calls a function like pcall, and adds a traceback to an error that is a string.
function compat.traced(fn, ...)
  if not yields then return compat.pcall(fn, ...) end
  local arguments, n = { ... }, select("#", ...)
  return xpcall(function() return fn(compat.unpack(arguments, 1, n)) end, function(problem)
    return type(problem) == "string" and compat.traceback(problem, 2) or problem
  end)
end

--- Returns the running coroutine, apart from those that compat.pcall creates.
compat.running = yields and coroutine.running or running_51

-- Lua 5.1 can't yield across a C function (table.sort) or the iterator of a for loop, and has no
-- function that tells.
local function is_inside_c()
  local level = 3
  local frame = debug.getinfo(level, "Sn")
  while frame do
    if frame.what == "C" or frame.name == "(for generator)" then return true end
    level = level + 1
    frame = debug.getinfo(level, "Sn")
  end
  return false
end

local is_yieldable = coroutine.isyieldable -- luacheck: ignore 143
if not is_yieldable then
  local is_51 = _VERSION == "Lua 5.1"
  is_yieldable = function() return not (is_51 and is_inside_c()) end
end

--- Returns whether this code can yield.
---@param thread thread
---@return boolean
function compat.can_yield(thread)
  return compat.running() == thread and is_yieldable()
end

return compat
