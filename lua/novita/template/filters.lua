-- The filters of templates, except json, which needs an encoder: template/init.lua defines it. A
-- filter takes the value and up to two arguments, and returns the new value, or nil and what is
-- wrong with the old one ("is a table"). Only `default` receives missing values.
--
-- Text is UTF-8, and lengths are in characters. Letters change case in ASCII only. Nothing depends
-- on the locale, in which %s or %a may match bytes of a character and the decimal point be a comma.

local each = require("novita.compat").each
local next = require("novita.compat").next

local BLANKS = " \t\r\n\v\f"
local CHARACTER = "[^\128-\191]" -- the first byte of a character
local NOT_TEXT = { table = "is a table (add | json to write it as text)", userdata = "is null" }

-- Formats a number identically on every Lua: integers in full (3, not 3.0), others in 14 digits.
local function number_text(value)
  if value ~= value then return "nan" end
  if value % 1 == 0 and value >= -2 ^ 63 and value < 2 ^ 63 then return ("%d"):format(value) end
  return (("%.14g"):format(value):gsub("(%d)[^%d%+%-e]+(%d)", "%1.%2"))
end

local function to_text(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return number_text(value) end
  if kind == "boolean" then return tostring(value) end
  return nil, NOT_TEXT[kind] or "is a " .. kind
end

local function on_text(change)
  return function(value, ...)
    local text, reason = to_text(value)
    if not text then return nil, reason end
    return change(text, ...)
  end
end

local count_characters = on_text(function(text)
  local _, count = text:gsub(CHARACTER, "")
  return count
end)

local filters = { string = to_text }

-- `{{name | default "x"}}`: for a missing value and for "".
function filters.default(value, fallback)
  if value == nil or value == "" then return fallback end
  return value
end

filters.upper = on_text(function(text) return (text:gsub("[a-z]+", string.upper)) end)
filters.lower = on_text(function(text) return (text:gsub("[A-Z]+", string.lower)) end)

filters.trim = on_text(function(text)
  local first = text:find("[^" .. BLANKS .. "]")
  return first and text:match("^.*[^" .. BLANKS .. "]", first) or ""
end)

-- `{{text | truncate 100 "..."}}`: the first 100 characters; the mark is added where it cuts.
filters.truncate = on_text(function(text, limit, mark)
  if type(limit) ~= "number" then return nil, "needs a number of characters" end
  local count = 0
  for offset in text:gmatch("()" .. CHARACTER) do
    if count >= limit then return text:sub(1, offset - 1) .. (mark or "") end
    count = count + 1
  end
  return text
end)

-- Items of a table, characters of a text.
function filters.length(value)
  if type(value) ~= "table" then return count_characters(value) end
  local count = 0
  for _ in each(value) do count = count + 1 end
  return count
end

-- `{{list | join "; "}}`: ", " without an argument.
function filters.join(list, separator)
  local is_list = type(list) == "table" and (list[1] ~= nil or next(list) == nil)
  if not is_list then return nil, "is not a list" end
  local texts = {}
  for i, item in ipairs(list) do
    local text, reason = to_text(item)
    if not text then return nil, "item " .. i .. " " .. reason end
    texts[i] = text
  end
  return table.concat(texts, separator or ", ")
end

return filters
