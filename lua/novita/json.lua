--- Encodes and decodes JSON.

local core = require("novita.core")
local misuse = require("novita.misuse")

---@class novita.Json
local json = {}

local function check_point(first, name)
  if rawequal(first, json) then misuse.point("novita.json." .. name) end
end

--- Encodes JSON, with the members of objects sorted by name. An empty table is `{}`;
--- novita.array {} is `[]`, novita.null is null.
---@param value any
---@return string? text nil on failure
---@return novita.Error? err kind config: what can't be written, and where
function json.encode(value)
  check_point(value, "encode")
  return core.encode(value)
end

--- Decodes JSON, strictly. A null member is absent; any other null is novita.null.
---@param text string
---@return any value nil on failure
---@return novita.Error? err kind invalid_response
function json.decode(text)
  check_point(text, "decode")
  if type(text) ~= "string" then misuse.expected("json.decode", "a string", text) end
  return core.decode(text)
end

return json
