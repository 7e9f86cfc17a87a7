--- Raises errors for misuse of the API, with the position of the caller's line.
---
--- That line is the nearest one on the stack outside of novita's files, whatever the number of
--- novita's functions between, and also if tail calls have removed their frames.

local each = require("novita.compat").each

local misuse = {}

local here = debug.getinfo(1, "S").source:match("^(@.*)misuse%.lua$")

-- Returns "file:line: " of the caller, or "" if no Lua code outside has called.
local function place()
  local level = 3
  local frame = debug.getinfo(level, "Sl")
  while frame do
    local ours = here and frame.source:sub(1, #here) == here
    if not ours and frame.currentline > 0 then
      return ("%s:%d: "):format(frame.short_src, frame.currentline)
    end
    level = level + 1
    frame = debug.getinfo(level, "Sl")
  end
  return ""
end

--- Raises an error with the position of the caller's line.
---@param message string
function misuse.raise(message)
  error(place() .. message, 0)
end

--- Formats a value for a message.
---@param value any
---@return string
function misuse.shown(value)
  if type(value) == "string" then return '"' .. value .. '"' end
  if type(value) == "number" or type(value) == "boolean" or value == nil then
    return tostring(value)
  end
  return "a " .. type(value)
end

--- Raises an error for an argument of the wrong type.
---@param what string the argument or field
---@param expected string "a table"
---@param value any what was given
function misuse.expected(what, expected, value)
  misuse.raise(("%s: expected %s, got %s"):format(what, expected, misuse.shown(value)))
end

--- Raises an error for a function that was called with a colon.
---@param name string "novita.chat"
function misuse.point(name)
  misuse.raise(name .. "(): call it with a point")
end

--- Makes the methods of a class raise if they are called with a dot, or on another value.
---@param class string what an object is called in messages
---@param mt table the metatable of its objects, complete
function misuse.guard(class, mt)
  for name, method in each(mt.__index) do
    mt.__index[name] = function(self, ...)
      if getmetatable(self) == mt then return method(self, ...) end
      misuse.raise(("%s:%s(): call it with a colon"):format(class, name))
    end
  end
end

-- Normalizes a name: case and underscores are ignored.
local function folded(name)
  return (name:lower():gsub("[_%-%s]", ""))
end

-- Returns the edit distance of two words; a transposition counts as one edit.
local function distance(a, b)
  local before, row = {}, {}
  for column = 0, #b do row[column] = column end
  for line = 1, #a do
    local above = row
    row = { [0] = line }
    for column = 1, #b do
      local cost = a:byte(line) == b:byte(column) and 0 or 1
      row[column] = math.min(above[column] + 1, row[column - 1] + 1, above[column - 1] + cost)
      if line > 1 and column > 1 and a:byte(line) == b:byte(column - 1)
        and a:byte(line - 1) == b:byte(column) then
        row[column] = math.min(row[column], before[column - 2] + 1)
      end
    end
    before = above
  end
  return row[#b]
end

--- Returns the known name that a misspelt one is closest to, or nil.
---@param name any
---@param names table<string, any> the keys are the names there are
---@param allows? fun(name: string, candidate: string, wrong: integer): boolean how many letters may
---  be wrong; one in three by default. Both names come without "_" and in small letters.
---@return string?
function misuse.nearest(name, names, allows)
  if type(name) ~= "string" or #name > 60 then return nil end
  local given, best, least = folded(name), nil, math.huge
  for candidate in each(names) do
    local known = folded(candidate)
    local wrong = distance(given, known)
    local good = wrong == 0 or allows and allows(given, known, wrong)
      or not allows and wrong <= #known / 3
    if good and (wrong < least or wrong == least and candidate < best) then
      best, least = candidate, wrong
    end
  end
  return best
end

local FEW = 10

-- Do the names share a word, singular or plural? "max" and "on" are ignored.
local function shares_word(name, candidate)
  for word in tostring(name):lower():gmatch("%a+") do
    local singular = word:gsub("ies$", "y"):gsub("s$", "")
    local within = ("_" .. candidate .. "_"):find("_" .. singular .. "_", 1, true)
    if within and word ~= "max" and word ~= "on" then return true end
  end
  return false
end

-- Returns all names if they are few, else those that share a word with this one.
local function choices(name, names)
  local all, alike = {}, {}
  for candidate in each(names) do
    all[#all + 1] = candidate
    if shares_word(name, candidate) then alike[#alike + 1] = candidate end
  end
  local list = #all <= FEW and all or alike
  table.sort(list)
  if #list == 0 then return "" end
  return (#list == 1 and "; there is " or "; there are ") .. table.concat(list, ", ")
end

-- Returns "; did you mean ...?" for a close name, else "; there are ..." and some names, or "".
local function hint(name, names)
  local meant = misuse.nearest(name, names)
  return meant and ('; did you mean "%s"?'):format(meant) or choices(name, names)
end

--- Raises an error for an unknown option. The value is not shown: it may be a key.
---@param place_of string what the options are of
---@param name any
---@param names table<string, any> the options there are
---@param kind? string "option" by default
function misuse.unknown(place_of, name, names, kind)
  misuse.raise(("%s.%s: unknown %s%s"):format(place_of, tostring(name), kind or "option",
    hint(name, names)))
end

return misuse
