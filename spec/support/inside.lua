-- Runs code inside other code: as a finalizer, which Lua calls at any allocation, or as a hook.
--
--   local times = inside.finalizers(function() stream:cancel() end, function() stream:next() end)

local inside = {}

local function make_garbage(fn)
  if _VERSION == "Lua 5.1" then
    getmetatable(newproxy(true)).__gc = fn -- luacheck: ignore 113
  else
    setmetatable({}, { __gc = fn })
  end
end

-- Calls fn when it is collected. On a stack of its own: no slot of ours may keep it.
local function leave_garbage(fn)
  coroutine.wrap(make_garbage)(fn)
end

-- A collection at each allocation that may begin one. Compiled traces leave for each step of the
-- collector, so that they would make no progress: LuaJIT interprets meanwhile.
local function collect_always()
  local jit = rawget(_G, "jit")
  if jit then
    jit.off()
    jit.flush()
  end
  local whole = _VERSION == "Lua 5.4" and 1000 or 0 -- 0: as far as there is to go
  local pause, step = collectgarbage("setpause", 0), collectgarbage("setstepmul", whole)
  if _VERSION == "Lua 5.4" then collectgarbage("incremental", 1, 1000, 1) end
  return function()
    if _VERSION == "Lua 5.4" then collectgarbage("incremental", pause, step, 13) end
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", step)
  end
end

--- Performs body while finalizers call fn, as often as they can, but not inside each other.
---@param fn fun(): boolean? false when that was often enough
---@param body fun()
---@return integer times that fn was called
function inside.finalizers(fn, body)
  local state = { times = 0 }
  local function finalizer()
    if state.over then return end
    if not state.busy then
      state.busy, state.times = true, state.times + 1
      local ok, err = xpcall(fn, debug.traceback)
      if not ok then state.problem = state.problem or err end
      state.over = state.over or (ok and err == false)
      state.busy = false
    end
    leave_garbage(finalizer)
  end
  local restore = collect_always()
  collectgarbage() -- ends the pause that was set before
  leave_garbage(finalizer)
  local ok, err = pcall(body)
  state.over = true
  restore()
  collectgarbage()
  if not ok then error(err, 0) end
  if state.problem then error("in a finalizer: " .. tostring(state.problem), 0) end
  return state.times
end

--- Performs body while a hook calls fn at calls and lines, but not inside itself.
---@param fn fun()
---@param body fun()
---@return integer times that fn was called
function inside.hooks(fn, body)
  local times, busy = 0, false
  local before, mask, count = debug.gethook()
  debug.sethook(function()
    if busy then return end
    busy, times = true, times + 1
    local ok, err = pcall(fn)
    busy = false
    if not ok then error(err, 0) end
  end, "c", 10)
  local ok, err = pcall(body)
  debug.sethook(before, mask, count)
  if not ok then error(err, 0) end
  return times
end

return inside
