--- What differs between the versions of Lua.

local compat = {
  unpack = rawget(_G, "unpack") or table.unpack, -- luacheck: ignore 143
}

-- Lua 5.1 can't yield out of a function that a C function has called, as pcall does, nor out of the
-- iterator of a for loop; and it has no way to ask.
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

--- May this code yield to whoever has resumed the coroutine?
---@param thread thread
---@return boolean
function compat.can_yield(thread)
  return coroutine.running() == thread and is_yieldable()
end

return compat
