--- Options whose values are read at each attempt: api_key from a function, client_key_passphrase
--- from a function or the first line of a file.

local config_error = require("novita.error_hint").config_error

local secrets = {}

local NAMES = { "api_key", "client_key_passphrase" }

-- Calls the function of an option; returns its text, or nil and an error.
local function ask(name, fn)
  local value, reason = fn()
  if type(value) == "string" then return value end
  local given = value == nil and "nothing" or "a " .. type(value)
  if value == nil and reason ~= nil then given = given .. ": " .. tostring(reason) end
  return nil, config_error(name, "the function returned " .. given)
end

-- Reads the first line of a file. The error does not show the path, which may be a passphrase by
-- mistake.
local function first_line(name, path)
  local file = io.open(path, "rb")
  local line = file and file:read("*l")
  if file then file:close() end
  if line then return (line:gsub("\r$", "")) end
  return nil, config_error(name, "the value is not a readable file with the passphrase in its "
    .. "first line; a function may return the passphrase itself")
end

--- Returns the names of the options that are to be read at each attempt, or nil if there are none.
---@param wire table options for the C module
---@return string[]?
function secrets.names(wire)
  local names
  for _, name in ipairs(NAMES) do
    if type(wire[name]) == "function" or (name ~= "api_key" and wire[name]) then
      names = names or {}
      names[#names + 1] = name
    end
  end
  return names
end

--- Replaces functions and files by their texts.
---@param wire table a copy of the options
---@param names string[]
---@return novita.Error?
function secrets.reveal(wire, names)
  for _, name in ipairs(names) do
    local find = type(wire[name]) == "function" and ask or first_line
    local text, err = find(name, wire[name])
    if not text then return err end
    wire[name] = text
  end
end

return secrets
