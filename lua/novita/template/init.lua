-- Mustache for prompts and request tables: novita.template and novita.fill.
--
-- The core of Mustache 1.4 with defaults for prompts: no HTML escaping, and a missing variable is
-- an error with its position. Values are never scanned for tags, and templates hold no code.
-- Additions to Mustache: paths index arrays from 1 (`choices.1.text`), and filters change values
-- (`{{name | default "friend"}}`).
--
-- A missing value is nil or null (any userdata). A section is omitted if its value is missing,
-- false, "" or an empty table; a missing name is no error there, so optional parts are sections.
-- Elsewhere false prints as "false", and a table without a filter is an error. To write "{{",
-- change the delimiters: {{=<% %>=}}; "}}" outside a tag is text.
--
-- In template/: parser.lua (source to tree), renderer.lua (tree to text), filters.lua.

local copy = require("novita.template.copy")
local each = require("novita.compat").each
local misuse = require("novita.misuse")
local filters = require("novita.template.filters")
local parser = require("novita.template.parser")
local renderer = require("novita.template.renderer")

local describe, failure = parser.describe, parser.failure

local MAX_PARTIALS = 1000

---@class novita.TemplateOptions
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

local function sorted(set)
  local names = {}
  for name in each(set) do
    names[#names + 1] = name:find("^a ") and name or '"' .. name .. '"'
  end
  table.sort(names)
  return names
end

local function check_options(options)
  if type(options) ~= "table" then misuse.expected("template", "a table of options", options) end
  for name, value in each(options) do
    local allowed = OPTIONS[name]
    if not allowed then misuse.unknown("template", name, OPTIONS) end
    local given = type(value) == "string" and value or "a " .. type(value)
    if not allowed[given] then
      misuse.expected("template." .. name, table.concat(sorted(allowed), " or "), value)
    end
  end
  return options
end

local function encode(value)
  return require("novita.core").encode(value)
end

local filters_mt = { __index = filters }

local function new_settings(options)
  local partials, known = options.partials or {}, { json = options.encode or encode }
  for name, filter in each(options.filters or {}) do known[name] = filter end
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

-- Finds what a template and its partials need; returns an error or nothing.
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
  __name = "novita.template",
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
---@return novita.TemplateFailure? err
function methods:render(vars)
  local run = new_run(self, vars)
  local err = renderer.render(run, self.nodes)
  if err then return nil, err end
  return table.concat(run.out)
end

-- A level is a list of nodes, the prefix of the names in it, and the enclosing level. A section is
-- a level whose prefix is its name; a partial is a level, unless it is recursive.
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

---Returns the names in use, sorted. A name inside a section is prefixed with that of the section
---("items.title"), unless it is also used outside of it.
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
  for path, use in each(uses) do
    if not is_found_outside(use, uses) then paths[#paths + 1] = path end
  end
  table.sort(paths)
  return paths
end

misuse.guard("template", template_mt)

---Compiles a template.
---@param source string
---@param options? novita.TemplateOptions
---@return novita.Template? template
---@return novita.TemplateFailure? err
local function compile(source, options)
  if type(source) ~= "string" then misuse.expected("template", "a string", source) end
  return new_template(source, new_settings(check_options(options or {})))
end

-- Filling ----------------------------------------------------------------------------------------

-- A text that consists of one variable keeps the type of the value.
local function fill_text(template, vars)
  local only = #template.nodes == 1 and template.nodes[1]
  if type(only) ~= "table" or not only.filters then return template:render(vars) end

  local run = new_run(template, vars)
  local value, missing = renderer.evaluate(run, only)
  if missing then return nil, missing end
  if type(value) == "table" then return copy.deep(value) end
  if type(value) == "number" or type(value) == "boolean" then return value end
  local err = renderer.write(run, only, value)
  if err then return nil, err end
  return table.concat(run.out)
end

-- A deep copy of a request. An error names the field.
local function copy_request(request, change)
  local result, err = copy.deep(request, change)
  if err and err.field then
    err.field = err.field:gsub("^%.", "")
    err.message = err.field .. ": " .. err.message
  end
  return result, err
end

---Fills a request: a deep copy with every string rendered, but those under `role` and `type`.
---A string that consists of one variable becomes the value itself, or a copy of a table.
---Untrusted text belongs in the variables, since every string of the request is a template.
---@generic T
---@param value T
---@param vars? table
---@param options? novita.TemplateOptions
---@return T? filled
---@return novita.TemplateFailure? err
local function fill(value, vars, options)
  local settings = new_settings(check_options(options or {}))
  return copy_request(value, function(text)
    if not text:find("{{", 1, true) then return text end
    local template, err = new_template(text, settings)
    if not template then return nil, err end
    return fill_text(template, vars)
  end)
end

---Compiles the templates of a request that is filled many times. The function fills it as `fill`
---does.
---@generic T
---@param request T
---@param options? novita.TemplateOptions
---@return (fun(vars?: table): T?, novita.TemplateFailure?)? filler nil if a template is wrong
---@return novita.TemplateFailure? err
local function filler(request, options)
  local settings, templates = new_settings(check_options(options or {})), {}
  local compiled, err = copy_request(request, function(text)
    if not text:find("{{", 1, true) then return text end
    local template, failed = new_template(text, settings)
    templates[text] = template
    return template and text, failed
  end)
  if not compiled then return nil, err end
  return function(vars)
    return copy_request(request, function(text)
      local template = templates[text]
      if not template then return text end
      return fill_text(template, vars)
    end)
  end
end

return { compile = compile, fill = fill, filler = filler }
