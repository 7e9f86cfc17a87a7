--- JSON that is read to be sent: nothing of it is changed. core.decode gives U+FFFD for bytes that
--- are no UTF-8 and for a surrogate without its other half, as answers need; here both are refused.

local core = require("novita.core")
local each = require("novita.compat").each

local json_text = {}

local MARK = "novita:ill-formed"

local function mark_bytes(run) return not core.encode(run) and MARK or nil end

-- The text with marks in place of what is not UTF-8, if there is any.
local function mark_bad_bytes(text)
  if core.ascii(text) == #text or core.encode(text) then return nil end
  return (text:gsub("[\128-\255]+", mark_bytes))
end

-- The text with marks in place of surrogates that stand alone, if there are any.
local function mark_lone_surrogates(text)
  if not text:find("\\u", 1, true) or not text:find("\\u[dD][89a-fA-F]") then return nil end
  local escapes = text:gsub("\\\\", " "):gsub("\\u[dD][89abAB]%x%x\\u[dD][c-fC-F]%x%x", " ")
  local marked, count = escapes:gsub("\\u[dD][89a-fA-F]%x%x", MARK)
  return count > 0 and marked or nil
end

-- Has the value a mark?
local function is_marked(value)
  return tostring(core.encode(value)):find(MARK, 1, true) ~= nil
end

-- Names the member of an object that has a mark: ' in "text"', or "" in a name or elsewhere.
local function place_in(marked)
  local value = core.decode(marked)
  local names = {}
  for name, member in each(type(value) == "table" and value or {}) do
    if type(name) == "string" and not is_marked(name) and is_marked(member) then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names[1] and (' in "%s"'):format(names[1]) or ""
end

--- Decodes JSON, as core.decode does, and refuses what that would change.
---@param text string
---@return any value nil on failure
---@return string? problem such as 'is not UTF-8 in "name"', the member of an object
function json_text.decode(text)
  local value, err = core.decode(text)
  if err then return nil, "is not JSON: " .. err.message end
  local marked = mark_bad_bytes(text)
  if marked then return nil, "is not UTF-8" .. place_in(marked) end
  marked = mark_lone_surrogates(text)
  if marked then return nil, "has half of a surrogate pair" .. place_in(marked) end
  return value
end

return json_text
