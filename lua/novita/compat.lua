--- Where Lua 5.1, LuaJIT and 5.3 and later differ.

local compat = {}

--- Calls a function some time after the object returned is no longer used. Only userdata can do
--- that before 5.2, and there a script makes them with newproxy.
---@param fn fun()
---@return any
function compat.finalizer(fn)
  local newproxy = rawget(_G, "newproxy")
  if not newproxy then return setmetatable({}, { __gc = fn }) end
  local proxy = newproxy(true)
  getmetatable(proxy).__gc = fn
  return proxy
end

return compat
