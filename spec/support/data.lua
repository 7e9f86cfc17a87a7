-- Lua data as text: the language between the simulator and the specs that script it.
--
-- JSON cannot carry arbitrary bytes, and faults are made of those. So the two sides exchange table
-- constructors: one line each, readable, writable by hand (curl -d '{ status = 503 }'). A text is
-- loaded with `null` as its only global, so it is data; it never comes from anyone but ourselves.

local data = {}

--- Stands for JSON's null wherever a Lua table cannot hold a nil.
data.null = setmetatable({}, { __tostring = function() return "null" end })

local encode

-- A newline inside %q is a backslash and a newline; written as \n the text stays on one line.
local function encode_string(text)
  return (string.format("%q", text):gsub("\\\n", "\\n"):gsub("\r", "\\r"))
end

local function encode_number(number)
  if number ~= number then return "0/0" end
  if number == math.huge then return "1/0" end
  if number == -math.huge then return "-1/0" end
  if number == math.floor(number) and math.abs(number) < 2 ^ 53 then
    return string.format("%d", number)
  end
  return string.format("%.17g", number)
end

local function encode_table(value)
  local parts, length = {}, #value
  for index = 1, length do parts[index] = encode(value[index]) end
  for key, item in pairs(value) do
    local listed = type(key) == "number" and key >= 1 and key <= length and key % 1 == 0
    if not listed then parts[#parts + 1] = "[" .. encode(key) .. "]=" .. encode(item) end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Writes nested tables, strings, numbers, booleans and null as one line of Lua.
---@param value any
---@return string
function data.encode(value)
  local kind = type(value)
  if value == data.null then return "null" end
  if kind == "table" then return encode_table(value) end
  if kind == "string" then return encode_string(value) end
  if kind == "number" then return encode_number(value) end
  if kind == "boolean" or kind == "nil" then return tostring(value) end
  error("cannot encode a " .. kind, 0)
end

encode = data.encode

--- Reads what encode wrote.
---@param text string
---@return any value, string? err
function data.decode(text)
  local chunk, err
  local scope = { null = data.null }
  if setfenv then -- luacheck: ignore 113
    chunk, err = loadstring("return " .. text, "=script") -- luacheck: ignore 113
    if chunk then setfenv(chunk, scope) end -- luacheck: ignore 113
  else
    chunk, err = load("return " .. text, "=script", "t", scope)
  end
  if not chunk then return nil, err end
  local ok, value = pcall(chunk)
  if not ok then return nil, value end
  return value
end

return data
