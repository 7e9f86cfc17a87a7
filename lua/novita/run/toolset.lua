--- The tools of a request in the form of the API, and the functions that run them.

local each = require("novita.compat").each
local misuse = require("novita.misuse")
local rule = require("novita.rule")

local toolset = {}

---@class novita.Tool
---@field name string
---@field description? string what the model is to know of it
---@field parameters? table a JSON schema of the arguments; they are checked against it
---@field strict? boolean asks the server to keep the model to the schema
---@field call fun(arguments: table, context: novita.ToolContext): any, any called in a task;
---  returns a result, or nil and what went wrong

-- Returns a copy without the function, which is not sent.
local function without_call(source)
  local copy = {}
  for name, value in each(source) do
    if name ~= "call" then copy[name] = value end
  end
  return copy
end

-- Returns the tool in the form of the API, and the part with its name; a built-in tool of the
-- server has no such part.
local function read(tool, place)
  if type(tool) ~= "table" then misuse.expected(place, "a table", tool) end
  local inner = tool["function"]
  if inner == nil and tool.type ~= nil and tool.type ~= "function" then return tool end
  if inner ~= nil and type(inner) ~= "table" then
    misuse.expected(place .. ".function", "a table", inner)
  end
  local spec = inner or tool
  if type(spec.name) ~= "string" or spec.name == "" then
    misuse.expected(place .. ".name", "the name of a function", spec.name)
  end
  if not rule.callable.accepts(tool.call) then
    misuse.expected(place .. ".call", "a function", tool.call)
  end
  local copy = without_call(tool)
  if inner then return copy, spec end
  copy.type = nil
  return { type = "function", ["function"] = copy }, spec
end

--- Reads a list of tools. Raises on one that can't be run.
---@param list? table[] in the short form of novita.Tool or in the API's, with `call` beside it
---@return { wire: table[]?, by_name: table, names: string[] }
function toolset.new(list)
  local set = { wire = nil, by_name = {}, names = {} }
  if list == nil then return set end
  if type(list) ~= "table" then misuse.expected("tools", "a list of tools", list) end
  set.wire = {}
  for index, tool in ipairs(list) do
    local place = ("tools[%d]"):format(index)
    local wire, spec = read(tool, place)
    set.wire[index] = wire
    if spec then
      if set.by_name[spec.name] then
        misuse.raise(('%s.name: there is a tool "%s" already'):format(place, spec.name))
      end
      set.by_name[spec.name] = { call = tool.call, parameters = spec.parameters }
      set.names[#set.names + 1] = spec.name
    end
  end
  return set
end

return toolset
