--- Values as JSON: how inputs and results of steps are kept, and by what a step is known again.
---
--- A result is read back from its JSON also where it was just made, so that a flow sees the same
--- value in every pass.

local core = require("novita.core")
local each = require("novita.compat").each

local frozen = {}

-- Fields of an error that are kept; the list of its attempts is a part of the log.
local ERROR_FIELDS = {
  "kind", "message", "status", "code", "type", "param", "reason", "request_id", "retry_after",
  "traceback",
}

-- The fields of what a function has raised, perhaps with a traceback behind it.
local function raised(text)
  local message, traceback = text:match("^(.-)\n(stack traceback:.*)$")
  return { kind = "callback_error", message = message or text, traceback = traceback }
end

--- Writes a value as JSON; nil is null.
---@param value any
---@return string? json nil on failure
---@return novita.Error? err kind config: a function, NaN, a cycle, a hole, bytes that are no UTF-8
function frozen.write(value)
  if value == nil then return "null" end
  return core.encode(value)
end

--- Reads what write() has written.
---@param json string
---@return any
function frozen.read(json)
  if json == "null" then return nil end
  local value, err = core.decode(json)
  if err then error(err, 0) end
  return value
end

--- Returns a copy of a value as it comes back from JSON.
---@param value any
---@return any copy
---@return novita.Error? err
function frozen.copy(value)
  local json, err = frozen.write(value)
  if not json then return nil, err end
  return frozen.read(json)
end

--- Writes an error; one that is no error value is kept by its text, under the kind callback_error.
---@param err any
---@return string json
function frozen.write_error(err)
  local fields = {}
  local is_table = type(err) == "table"
  for _, name in ipairs(ERROR_FIELDS) do
    local value = is_table and err[name]
    if type(value) == "string" or type(value) == "number" then fields[name] = value end
  end
  if not fields.kind then fields = raised(tostring(err)) end
  local json = core.encode(fields)
  if json then return json end
  for name, value in each(fields) do -- bytes of the system's, where JSON wants UTF-8
    if type(value) == "string" then fields[name] = value:gsub("[\128-\255]+", "?") end
  end
  return (assert(core.encode(fields)))
end

--- Reads an error.
---@param json string
---@return novita.Error
function frozen.read_error(json)
  return core.error(frozen.read(json))
end

--- Returns the key of an input: equal inputs of steps of one kind and version have equal keys.
---@param kind string "chat", "step" ...
---@param version any the option of the step
---@param input string JSON
---@return string
function frozen.key(kind, version, input)
  return core.sha256(table.concat({ kind, tostring(version or 1), input }, "\n"))
end

return frozen
