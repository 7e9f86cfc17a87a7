-- Parses Mustache source into a tree, independently of values and options.
--
-- parse(place) returns { nodes, needs }, or nil and a failure. A place is a text with tags:
-- { source, indent = 0 }, and for a partial its name and its indentation. A node is a
-- text, or a tag with its sigil ("" for {{x}}, "#", "^", ">", "&" or "{"), offset and name:
--   variable   path: its steps, none for {{.}}; filters: each a name and up to two arguments
--   section    path, nodes
--   partial    indent: the blanks before it, if it stands alone on its line
-- `needs` lists the variables with filters and the partials, which the options must provide.
-- The time is linear in the source, without recursion.

local filters = require("novita.template.filters")

local MAX_NESTING = 100 -- of sections
local MAX_ARGUMENTS = 2 -- of a filter
local CACHE_BYTES = 2 ^ 20 -- of source that stays parsed
local BLANKS = " \t\r\n\v\f" -- %s depends on the locale and may match bytes of a character
local CLOSERS = { ["{"] = "}", ["="] = "=" } -- of {{{x}}} and {{=<% %>=}}
local ESCAPES = { n = "\n", r = "\r", t = "\t" }
local NOT_A_NAME = "is not a name (for literal braces change the delimiters: {{=<% %>=}})"

---@class novita.TemplateFailure
---@field kind "config"
---@field message string  one line, begins with the place
---@field name? string  of the variable, section, partial or filter
---@field line? integer
---@field column? integer  in characters
---@field partial? string  where line and column count, if not in the template itself
---@field field? string  of the request that was filled, such as messages[2].content
local failure_mt = {
  __name = "novita.template_failure",
  __index = { kind = "config" },
  __tostring = function(self) return self.message end,
}

local function failure(place, tag, reason)
  local before = place.source:sub(1, tag.offset - 1)
  local _, breaks = before:gsub("\n", "")
  local line, column = breaks + 1, filters.length(before:gsub("^.*\n", "")) + 1 - place.indent
  local where = ("line %d, column %d: "):format(line, column)
  if place.partial then where = "partial " .. place.partial .. ", " .. where end
  return setmetatable({
    message = where .. reason, name = tag.name, line = line, column = column,
    partial = place.partial,
  }, failure_mt)
end

-- Formats a tag for messages, optionally with one of its filters.
local function describe(tag, filter)
  local name = filters.truncate(tag.name, 60, "..."):gsub("[\r\n]+", " ")
  if filter then name = name .. " | " .. filter.name end
  return "{{" .. tag.sigil .. name .. (CLOSERS[tag.sigil] or "") .. "}}"
end

-- Tags -------------------------------------------------------------------------------------------

-- Splits "a.b.1" into { "a", "b", "1" }; nil for an invalid name.
local function parse_path(name)
  local path = {}
  if name == "." then return path end
  if name:find("[|{}\"'" .. BLANKS .. "]") then return nil end
  for step in (name .. "."):gmatch("([^.]*)%.") do
    if step == "" then return nil end
    path[#path + 1] = step
  end
  return path
end

-- Replaces escapes by "\ddd", so that a string holds no quotes; parse_literal reverts this.
local function hide_escapes(text)
  return (text:gsub("\\(.)", function(letter)
    return ("\\%03d"):format((ESCAPES[letter] or letter):byte())
  end))
end

-- Returns the string or number at `position` and the position of the next word, or nil.
local function parse_literal(text, position)
  local _, quoted, after = text:match("^([\"'])(.-)%1%s*()", position)
  if quoted then return quoted:gsub("\\(%d%d%d)", string.char), after end
  local whole, fraction, beyond = text:match("^(%-?%d+)%.?(%d*)%s*()", position)
  if not whole or fraction == "" then return tonumber(whole), beyond end
  return tonumber(whole .. fraction) / 10 ^ #fraction, beyond -- tonumber("0.5") needs the C locale
end

-- `| name argument | name` as a list of filters, or nil and a reason.
local function parse_filters(text)
  text = hide_escapes(text)
  local list, position = {}, 1
  while position <= #text do
    local name, after = text:match("^|%s*([%a_][%w_]*)%s*()", position)
    if not name then return nil, "has more than a name and filters (| filter)" end
    local filter = { name = name }
    position = after
    while position <= #text and text:sub(position, position) ~= "|" do
      filter[#filter + 1], position = parse_literal(text, position)
      if not position or #filter > MAX_ARGUMENTS then
        return nil, "gives " .. name .. " other than up to two strings in quotes or numbers"
      end
    end
    list[#list + 1] = filter
  end
  return list
end

local function add(parser, node)
  if node == "" then return end
  local nodes = parser.sections[#parser.sections].nodes
  nodes[#nodes + 1] = node
end

-- The action of each kind of tag on the parser; returns a reason if the tag is wrong.
local readers = {}

readers[""] = function(parser, tag)
  local name, rest = tag.name:match("^([^|" .. BLANKS .. "]*)[" .. BLANKS .. "]*(.*)$")
  local path, list, reason = parse_path(name), parse_filters(rest)
  if not path then return NOT_A_NAME end
  if not list then return reason end
  tag.name, tag.path, tag.filters = name, path, list
  add(parser, tag)
  if #list > 0 then parser.needs[#parser.needs + 1] = tag end
end
readers["&"], readers["{"] = readers[""], readers[""]

readers["#"] = function(parser, tag)
  tag.path, tag.nodes = parse_path(tag.name), {}
  if not tag.path then return NOT_A_NAME end
  if #parser.sections > MAX_NESTING then return "is in too many sections" end
  add(parser, tag)
  parser.sections[#parser.sections + 1] = tag
end
readers["^"] = readers["#"]

readers["/"] = function(parser, tag)
  local section = table.remove(parser.sections)
  if section == parser.tree then return "closes nothing" end
  if section.name ~= tag.name then return "stands where {{/" .. section.name .. "}} is due" end
end

readers[">"] = function(parser, tag)
  if tag.name == "" then return NOT_A_NAME end
  add(parser, tag)
  parser.needs[#parser.needs + 1] = tag
end

readers["="] = function(parser, tag)
  local open, close = tag.name:match("^([^%s=]+)%s+([^%s=]+)$")
  if not open then return "does not give two delimiters" end
  parser.open, parser.close = open, close
end

readers["!"] = function() end

-- Returns the blanks between the start of the line and the tag that follows `text`, or nil if there
-- are other characters. `text` begins at `from`.
local function blanks_before(source, from, text)
  local before = from == 1 and "\n" or source:sub(from - 1, from - 1)
  return (before .. text):match("^.*\n([ \t]*)$")
end

-- Advances past the next tag and returns it; nil at the end, or nil, err if the tag is not closed.
-- A tag other than a variable that is alone on its line removes the whole line.
local function next_tag(parser)
  local source, from = parser.place.source, parser.position
  local offset, last = source:find(parser.open, from, true)
  local text = source:sub(from, (offset or 0) - 1)
  if not offset then
    add(parser, text)
    return nil
  end

  local sigil, start = source:match("^[" .. BLANKS .. "]*([#^/!>=&{]?)()", last + 1)
  local stop, finish = source:find((CLOSERS[sigil] or "") .. parser.close, start, true)
  if not stop then
    local tag = { offset = offset, name = parser.open }
    return nil, failure(parser.place, tag, parser.open .. " is never closed")
  end
  local tag = { sigil = sigil, offset = offset, name = filters.trim(source:sub(start, stop - 1)) }
  parser.position = finish + 1

  local indent = sigil:find("[#^/!>=]") and blanks_before(source, from, text)
  local below = indent and (source:match("^[ \t]*\r?\n()", finish + 1)
    or source:match("^[ \t]*()$", finish + 1))
  if below then
    text, tag.indent, parser.position = text:sub(1, #text - #indent), indent, below
  end
  add(parser, text)
  return tag
end

local function parse_source(place)
  local tree = { nodes = {}, needs = {} }
  local parser = {
    place = place, position = 1, open = "{{", close = "}}",
    tree = tree, needs = tree.needs, sections = { tree },
  }
  local tag, err = next_tag(parser)
  while tag do
    local reason = readers[tag.sigil](parser, tag)
    if reason then return nil, failure(place, tag, describe(tag) .. " " .. reason) end
    tag, err = next_tag(parser)
  end
  local section = parser.sections[#parser.sections]
  if section ~= tree then
    err = err or failure(place, section, describe(section) .. " is never closed")
  end
  if err then return nil, err end
  return tree
end

local cache, cached_bytes = {}, 0

-- Caches trees by source, so that a loop over rows parses its templates once. A full cache is
-- emptied.
local function parse(place)
  local source = place.source
  if cache[source] then return cache[source] end
  local tree, err = parse_source(place)
  if not tree then return nil, err end
  local bytes = #source + 256
  if cached_bytes + bytes > CACHE_BYTES then cache, cached_bytes = {}, 0 end
  cache[source], cached_bytes = tree, cached_bytes + bytes
  return tree
end

return { parse = parse, describe = describe, failure = failure, failure_mt = failure_mt }
