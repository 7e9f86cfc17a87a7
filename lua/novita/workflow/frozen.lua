--- Values as JSON: how inputs and results of steps are kept, and by what a step is known again.
---
--- A result is read back from its JSON also where it was just made, so that a flow sees the same
--- value in every pass.

local compat = require("novita.compat")
local core = require("novita.core")
local each = compat.each

local frozen = {}

-- Fields of an error that are kept, and whether a value may be one; the list of its attempts is a
-- part of the log.
local function is_text(value) return type(value) == "string" end

local function is_number(value)
  return type(value) == "number" and value == value and math.abs(value) < math.huge
end

local function is_status(value)
  return is_number(value) and value % 1 == 0 and math.abs(value) < 2 ^ 31
end

local function is_scalar(value) return is_text(value) or is_number(value) end

local ERROR_FIELDS = {
  kind = is_text, message = is_text, status = is_status, code = is_scalar, type = is_scalar,
  param = is_scalar, reason = is_scalar, request_id = is_text, retry_after = is_number,
  traceback = is_text,
}

-- The text of any value; its __tostring may raise, or return none.
local function text_of(value)
  local ok, text = compat.pcall(tostring, value)
  return ok and is_text(text) and text or "a " .. type(value)
end

local function index(value, name)
  return value[name]
end

--- Returns a field of a table; nil where its metatable raises.
---@param value table
---@param name string
---@return any
function frozen.member(value, name)
  local ok, field = compat.pcall(index, value, name)
  return ok and field or nil
end

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

--- Returns a text that JSON and every store can have: bytes of the system's, which need be no
--- UTF-8, and NUL become question marks.
---@param text string
---@return string
function frozen.text(text)
  text = text:gsub("[^\1-\255]", "?")
  return core.encode(text) and text or (text:gsub("[\128-\255]+", "?"))
end

--- Writes an error; one that is no error value is kept by its text, under the kind callback_error.
--- It may be any value, whatever its metatable does.
---@param err any
---@return string json
function frozen.write_error(err)
  local fields = {}
  for name, accepts in each(ERROR_FIELDS) do
    local value = type(err) == "table" and frozen.member(err, name)
    if accepts(value) then fields[name] = value end
  end
  if not fields.kind then fields = raised(text_of(err)) end
  for name, value in each(fields) do
    if is_text(value) then fields[name] = frozen.text(value) end
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
