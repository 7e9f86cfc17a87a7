-- JSON out, with keys in the order Novita writes them, so that equal answers are equal bytes.
-- Reading is lua-cjson's, told to refuse NaN, hexadecimal and the like.
-- luacheck: std lua54

local cjson = require("cjson").new()
cjson.decode_invalid_numbers(false)

local data = require("spec.support.data")

local json = { null = data.null, decode_null = cjson.null }

local ORDER = {
  "code", "reason", "id", "object", "created", "model", "choices", "index", "message", "delta",
  "role", "content", "reasoning_content", "tool_calls", "type", "function", "name", "arguments",
  "finish_reason",
  "content_filter_results", "usage", "prompt_tokens", "completion_tokens", "total_tokens",
  "prompt_tokens_details", "completion_tokens_details", "system_fingerprint",
}
local rank = {}
for index, key in ipairs(ORDER) do rank[key] = index end

local array_mt = { __name = "json.array" }

--- Marks a list, so that an empty one is written [].
function json.array(list)
  return setmetatable(list or {}, array_mt)
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(char)
  return escapes[char] or string.format("\\u%04x", char:byte())
end

--- Writes a string, quotes included.
function json.string(text)
  return '"' .. text:gsub('[%c"\\]', escape) .. '"'
end

local function before(a, b)
  local x, y = rank[a] or math.huge, rank[b] or math.huge
  if x ~= y then return x < y end
  return tostring(a) < tostring(b)
end

local function encode_object(value)
  local keys, parts = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, before)
  for index, key in ipairs(keys) do
    parts[index] = json.string(tostring(key)) .. ":" .. json.encode(value[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function encode_array(value)
  local parts = {}
  for index, item in ipairs(value) do parts[index] = json.encode(item) end
  return "[" .. table.concat(parts, ",") .. "]"
end

--- Writes any value. A table is an array when it is marked or has a first item.
function json.encode(value)
  local kind = type(value)
  if kind == "string" then return json.string(value) end
  if kind == "number" then
    return math.type(value) == "integer" and tostring(value) or string.format("%.14g", value)
  end
  if value == json.null or value == json.decode_null then return "null" end
  if kind ~= "table" then return tostring(value) end
  if getmetatable(value) == array_mt or value[1] ~= nil then return encode_array(value) end
  return encode_object(value)
end

--- Reads JSON; nil and a reason when it is none.
function json.decode(text)
  local ok, value = pcall(cjson.decode, text)
  if not ok then return nil, value end
  return value
end

return json
