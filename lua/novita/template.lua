-- Mustache for prompts and request tables: novita.template and novita.fill.
--
-- The core of Mustache 1.4 with the defaults a prompt needs: no HTML escaping, and a variable that
-- is missing is an error that says where. Values are never scanned for tags, and templates hold no
-- code. Beyond Mustache, paths step into arrays from 1 (`choices.1.text`) and filters change values
-- (`{{name | default "friend"}}`).
--
-- Missing is nil or null (any userdata). A section is left out if its value is missing, false, ""
-- or an empty table; a missing name is no error there: that is how optional parts are written.
-- Elsewhere false prints as "false", and a table is an error that a filter avoids. To write "{{",
-- change the delimiters: {{=<% %>=}}; "}}" outside a tag is text.
--
-- In template/: parser.lua (source to tree), renderer.lua (tree to text), filters.lua.

local filters = require "novita.template.filters"
local parser = require "novita.template.parser"
local renderer = require "novita.template.renderer"

local describe, failure = parser.describe, parser.failure

local MAX_DEPTH = 200 -- of tables in a request
local MAX_PARTIALS = 1000
local FIXED = { role = true, type = true } -- fields that say what a message is: never from data

---@class novita.template.Options
---@field missing? "error"|"empty"  what a missing variable or partial is; "error" by default
---@field escape? "none"|"html"|fun(text: string): string  for {{x}}, not {{{x}}} or {{&x}}
---@field partials? table<string, string>|fun(name: string): string?
---@field filters? table<string, fun(value, ...): any, string?>  beside and before the built-in ones
---@field encode? fun(value): string?, string?  for the json filter; the library's by default
local OPTIONS = {
  missing = { ["error"] = true, ["empty"] = true },
  escape = { ["none"] = true, ["html"] = true, ["a function"] = true },
  partials = { ["a table"] = true, ["a function"] = true },
  filters = { ["a table"] = true },
  encode = { ["a function"] = true },
}

local HTML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
local escapes = {
  none = function(text) return text end,
  html = function(text) return (text:gsub("[&<>\"']", HTML)) end,
}

local function check_options(options)
  if type(options) ~= "table" then error("options must be a table", 3) end
  for name, value in pairs(options) do
    local allowed = OPTIONS[name] or error("unknown option " .. tostring(name), 3)
    local given = type(value) == "string" and value or "a " .. type(value)
    if not allowed[given] then error("option " .. name .. " cannot be " .. given, 3) end
  end
  return options
end

local function encode(value)
  return require("novita.core").encode(value)
end

local filters_mt = { __index = filters }

local function new_settings(options)
  local partials, known = options.partials or {}, { json = options.encode or encode }
  for name, filter in pairs(options.filters or {}) do known[name] = filter end
  return {
    missing = options.missing or "error",
    escape = escapes[options.escape or "none"] or options.escape,
    filters = setmetatable(known, filters_mt),
    partials = type(partials) == "table" and function(name) return partials[name] end or partials,
    sources = {}, -- of the partials in use, by name
  }
end

local function need_filters(settings, place, tag)
  for _, filter in ipairs(tag.filters) do
    if type(settings.filters[filter.name]) ~= "function" then
      return failure(place, tag, describe(tag, filter) .. " names no filter")
    end
  end
end

local function need_partial(settings, place, tag, places)
  if settings.sources[tag.name] then return end
  local source = settings.partials(tag.name)
  if type(source) ~= "string" then
    if settings.missing == "error" then
      return failure(place, tag, describe(tag) .. " is missing")
    end
    source = ""
  end
  if #places > MAX_PARTIALS then return failure(place, tag, describe(tag) .. " is one too many") end
  settings.sources[tag.name] = source
  places[#places + 1] = { source = source, indent = 0, partial = tag.name }
end

-- Finds what a template needs, and what its partials need; returns an error or nothing.
local function provide(settings, template_place)
  local places = { template_place }
  for _, place in ipairs(places) do
    local tree, err = parser.parse(place)
    for _, tag in ipairs(tree and tree.needs or {}) do
      local need = tag.sigil == ">" and need_partial or need_filters
      err = err or need(settings, place, tag, places)
    end
    if err then return err end
  end
end

---@class novita.Template
local methods = {}

local template_mt = {
  __name = "novita.Template",
  __index = methods,
  __call = function(self, vars) return self:render(vars) end,
}

local function new_template(source, settings)
  local place = { source = source, indent = 0 }
  local err = provide(settings, place)
  if err then return nil, err end
  local nodes = parser.parse(place).nodes
  return setmetatable({ place = place, settings = settings, nodes = nodes }, template_mt)
end

local function new_run(template, vars)
  if vars == nil then vars = {} end
  return renderer.new_run(template.place, template.settings, vars)
end

---Fills in the variables; calling the template does the same.
---@param vars? table
---@return string? text
---@return novita.template.Failure? err
function methods:render(vars)
  local run = new_run(self, vars)
  local err = renderer.render(run, self.nodes)
  if err then return nil, err end
  return table.concat(run.out)
end

-- A level is a list of nodes, the prefix of the names in it, and the level around it. A section is
-- one, with its name as prefix, and so is a partial, unless it is inside itself.
local function new_level(settings, level, tag)
  local prefix, nodes = level.prefix, tag.nodes
  if tag.sigil == "#" and tag.name ~= "." then prefix = prefix .. tag.name .. "." end
  if tag.sigil == ">" then
    local outer = level
    while outer and outer.partial ~= tag.name do outer = outer.outer end
    if outer then return nil end
    nodes = parser.parse({ source = settings.sources[tag.name], indent = 0 }).nodes
  end
  return { nodes = nodes, prefix = prefix, outer = level, partial = tag.sigil == ">" and tag.name }
end

local function is_found_outside(use, uses)
  local level = use.level
  while level do
    if level.prefix ~= use.level.prefix and uses[level.prefix .. use.name] then return true end
    level = level.outer
  end
  return false
end

---The names in use, sorted. A name inside a section is listed below it ("items.title"), unless it
---is also used outside, where the section would find it.
---@return string[] paths
function methods:variables()
  local uses, levels, paths = {}, { { nodes = self.nodes, prefix = "" } }, {}
  for _, level in ipairs(levels) do
    for _, node in ipairs(level.nodes) do
      local tag = type(node) == "table" and node or {}
      if tag.path and tag.name ~= "." then
        uses[level.prefix .. tag.name] = { name = tag.name, level = level }
      end
      if tag.nodes or tag.sigil == ">" then
        levels[#levels + 1] = new_level(self.settings, level, tag)
      end
    end
  end
  for path, use in pairs(uses) do
    if not is_found_outside(use, uses) then paths[#paths + 1] = path end
  end
  table.sort(paths)
  return paths
end

---Compiles a template.
---@param source string
---@param options? novita.template.Options
---@return novita.Template? template
---@return novita.template.Failure? err
local function compile(source, options)
  if type(source) ~= "string" then error("a template is a string, not a " .. type(source), 2) end
  return new_template(source, new_settings(check_options(options or {})))
end

-- Filling ----------------------------------------------------------------------------------------

local function keep(text)
  return text
end

-- A deep copy in which `walk.change` replaces the strings.
local function copy(walk, value, key)
  if type(value) == "string" and not FIXED[key] then return walk.change(value) end
  if type(value) ~= "table" then return value end
  if walk.above[value] or walk.depth == MAX_DEPTH then
    local message = walk.above[value] and "contains itself" or "is nested too deeply"
    return nil, setmetatable({ message = message }, parser.failure_mt)
  end
  walk.above[value], walk.depth = true, walk.depth + 1
  local result = {}
  for name, item in pairs(value) do
    local copied, err = copy(walk, item, name)
    if err then
      local step = type(name) == "number" and "[" .. name .. "]" or "." .. tostring(name)
      err.field = step .. (err.field or "")
      return nil, err
    end
    result[name] = copied
  end
  walk.above[value], walk.depth = nil, walk.depth - 1
  local metatable = getmetatable(value)
  return setmetatable(result, type(metatable) == "table" and metatable or nil)
end

-- A text that is one variable and nothing else keeps the type of the value.
local function fill_text(settings, text, vars)
  if not text:find("{{", 1, true) then return text end
  local template, err = new_template(text, settings)
  if not template then return nil, err end
  local only = #template.nodes == 1 and template.nodes[1]
  if type(only) ~= "table" or not only.filters then return template:render(vars) end

  local run = new_run(template, vars)
  local value, missing = renderer.evaluate(run, only)
  if missing then return nil, missing end
  if type(value) == "table" then return copy({ change = keep, above = {}, depth = 0 }, value) end
  if type(value) == "number" or type(value) == "boolean" then return value end
  err = renderer.write(run, only, value)
  if err then return nil, err end
  return table.concat(run.out)
end

---Fills a request: a deep copy with every string rendered, but those under `role` and `type`.
---A string that is one variable and nothing else becomes the value itself, a table its copy.
---Text of others belongs in the variables: what stands in the request is a template.
---@generic T
---@param value T
---@param vars? table
---@param options? novita.template.Options
---@return T? filled
---@return novita.template.Failure? err
local function fill(value, vars, options)
  local settings = new_settings(check_options(options or {}))
  local function change(text) return fill_text(settings, text, vars) end
  local filled, err = copy({ change = change, above = {}, depth = 0 }, value)
  if err and err.field then
    err.field = err.field:gsub("^%.", "")
    err.message = err.field .. ": " .. err.message
  end
  return filled, err
end

return { compile = compile, fill = fill }
