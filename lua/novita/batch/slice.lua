--- Finds a member in the text of a JSON object, so that its bytes can be kept as they are: decoding
--- and encoding would sort names and write numbers differently. The text was decoded before: it is
--- valid JSON.

local core = require("novita.core")

local slice = {}

local BOM = "\239\187\191" -- which core.decode skips, too

-- The place after a string that begins at `at`.
local function after_string(text, at)
  repeat
    at = text:find('["\\]', at + 1)
    local is_escape = text:byte(at) == 92
    if is_escape then at = at + 1 end
  until not is_escape
  return at + 1
end

-- The place after an array or an object that begins at `at`.
local function after_brackets(text, at)
  local depth = 0
  repeat
    at = text:find('["%[%]{}]', at)
    local byte = text:byte(at)
    if byte == 34 then
      at = after_string(text, at)
    else
      depth = depth + ((byte == 91 or byte == 123) and 1 or -1)
      at = at + 1
    end
  until depth == 0
  return at
end

-- The place after any value.
local function after_value(text, at)
  local first = text:sub(at, at)
  if first == '"' then return after_string(text, at) end
  if first == "{" or first == "[" then return after_brackets(text, at) end
  return text:find("[%s,%]}]", at) or #text + 1
end

local function skip_space(text, at)
  return text:find("%S", at) or #text + 1
end

--- Returns the bytes of a member's value. Of several with the name, the last one counts, as it does
--- for core.decode.
---@param text string JSON
---@param name string
---@return string? value nil where there is no such member, or the text is no object
function slice.member(text, name)
  local at = skip_space(text, text:sub(1, 3) == BOM and 4 or 1)
  if text:sub(at, at) ~= "{" then return nil end
  local found
  at = skip_space(text, at + 1)
  while text:sub(at, at) == '"' do
    local stop = after_string(text, at)
    local key = core.decode(text:sub(at, stop - 1))
    at = skip_space(text, skip_space(text, stop) + 1)
    stop = after_value(text, at)
    if key == name then found = text:sub(at, stop - 1) end
    at = skip_space(text, skip_space(text, stop) + 1)
  end
  return found
end

return slice
