--- JSON that a store has kept: damage, or another program that writes to the database, may have
--- changed it.

local compat = require("novita.compat")
local core = require("novita.core")

local stored = {}

local function corrupt(what, problem)
  return core.error { kind = "store", reason = "corrupt",
    message = ("%s can't be read: %s"):format(what, problem) }
end

--- Reads a value.
---@param json string
---@param what string says which, as "run 3f9a: its trigger"
---@return any value nil on failure
---@return novita.Error? err of kind store: corrupt
function stored.read(json, what)
  local value, err = core.decode(json)
  if err then return nil, corrupt(what, err.message) end
  return value
end

--- Reads an object.
---@param json string
---@param what string
---@return table? object nil on failure
---@return novita.Error? err of kind store: corrupt
function stored.object(json, what)
  local value, err = stored.read(json, what)
  if err or type(value) == "table" then return value, err end
  return nil, corrupt(what, "an object expected")
end

--- Reads an error, which is an error in any case.
---@param json string
---@param what string
---@return novita.Error
function stored.error(json, what)
  local fields, err = stored.object(json, what)
  if not fields then return err end
  local ok, value = compat.pcall(core.error, fields)
  return ok and type(value.message) == "string" and value or corrupt(what, "an error expected")
end

return stored
