--- The placeholder of an answer in a plan. It may be passed on; access to it parks the task, since
--- what the flow does then depends on the answer.

local compat = require("novita.compat")

local unknown = {}

local MAX_DEPTH = 200 -- of tables in a value, as in JSON

local newproxy = rawget(_G, "newproxy")
local EVENTS = {
  "__index", "__newindex", "__call", "__concat", "__len", "__tostring", "__pairs", "__unm",
  "__add", "__sub", "__mul", "__div", "__mod", "__pow", "__idiv", "__lt", "__le",
}

local marks = setmetatable({}, { __mode = "k" })

local function new_object(mt)
  if not newproxy then return setmetatable({}, mt) end
  local proxy = newproxy(true)
  for name, value in compat.each(mt) do getmetatable(proxy)[name] = value end
  return proxy
end

--- Makes one.
---@param name string of the step
---@param on_use fun() called where the flow looks into it
---@return any
function unknown.new(name, on_use)
  local mt = {}
  for _, event in ipairs(EVENTS) do mt[event] = on_use end
  local object = new_object(mt)
  marks[object] = name
  return object
end

-- Adds the names of those in a value to a list; looks into each table once.
local function collect(names, value, depth, seen)
  if marks[value] then
    names[#names + 1] = marks[value]
  elseif type(value) == "table" and depth > 0 and not seen[value] then
    seen[value] = true
    for _, member in compat.each(value) do collect(names, member, depth - 1, seen) end
  end
  return names
end

--- Returns the names of the steps whose results are in a value, or are it.
---@param value any
---@return string[]
function unknown.names_in(value)
  if value == nil then return {} end
  return collect({}, value, MAX_DEPTH, {})
end

return unknown
