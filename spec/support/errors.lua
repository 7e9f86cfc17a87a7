-- Errors as an attempt returns them, for the specs of retries.

local errors = {}

--- An error of this kind.
---@param kind string
---@param fields? table
---@return table
function errors.fail(kind, fields)
  local err = { kind = kind, headers = {} }
  for name, value in pairs(fields or {}) do err[name] = value end
  return err
end

--- The error of a status.
---@param code integer
---@param headers? table<string, string>
---@return table
function errors.status(code, headers)
  return errors.fail("api_status", { status = code, headers = headers })
end

return errors
