--- Deep copies of requests, in which strings are replaced.

local each = require("novita.compat").each
local parser = require("novita.template.parser")

local copy = {}

local MAX_DEPTH = 200 -- of tables in a request

--- Fields whose strings are no templates: they say what a message is, which data must not.
copy.FIXED = { role = true, type = true }

local function keep(text)
  return text
end

-- Copies a value; `walk.above` are the tables around it.
local function copied(walk, value, key)
  if type(value) == "string" and not copy.FIXED[key] then return walk.change(value) end
  if type(value) ~= "table" then return value end
  if walk.above[value] or walk.depth == MAX_DEPTH then
    local message = walk.above[value] and "contains itself" or "is nested too deeply"
    return nil, setmetatable({ message = message }, parser.failure_mt)
  end
  walk.above[value], walk.depth = true, walk.depth + 1
  local result = {}
  for name, item in each(value) do
    local own, err = copied(walk, item, name)
    if err then
      local step = type(name) == "number" and "[" .. name .. "]" or "." .. tostring(name)
      err.field = step .. (err.field or "")
      return nil, err
    end
    result[name] = own
  end
  walk.above[value], walk.depth = nil, walk.depth - 1
  local metatable = getmetatable(value)
  return setmetatable(result, type(metatable) == "table" and metatable or nil)
end

--- Copies a value with all its tables, and their metatables.
---@generic T
---@param value T
---@param change? fun(text: string): any, novita.TemplateFailure? returns what replaces a string;
---  strings under `role` and `type` stay
---@return T? copy nil if `change` fails, or the value has a cycle or is nested too deeply
---@return novita.TemplateFailure? err its field begins with "." or "["
function copy.deep(value, change)
  return copied({ change = change or keep, above = {}, depth = 0 }, value)
end

return copy
