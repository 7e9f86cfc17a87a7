-- Renders a tree with variables. A run is the state of one rendering: the settings that
-- template/init.lua makes of options, the position of the current tag, the context stack, and the
-- output so far. Functions that write return an error or nothing.

local filters = require("novita.template.filters")
local next = require("novita.compat").next
local parser = require("novita.template.parser")

local describe, failure = parser.describe, parser.failure

local MAX_DEPTH = 200 -- of sections and partials inside each other

-- A step indexes tables only: {{name.upper}} is not a string method.
local function step(value, key)
  if type(value) ~= "table" then return nil end
  local item
  if key:find("^%d+$") then item = value[tonumber(key)] end
  if item == nil then item = value[key] end
  return item
end

-- Looks the first name up from the innermost context outward; the others are members of its value.
local function lookup(stack, path)
  if #path == 0 then return stack[#stack] end
  local value
  for i = #stack, 1, -1 do
    value = step(stack[i], path[1])
    if value ~= nil then break end
  end
  for i = 2, #path do value = step(value, path[i]) end
  return value
end

-- Functions of C count their arguments.
local function apply(filter, change, value)
  if #filter == 0 then return change(value) end
  return change(value, filter[1], filter[2])
end

local function evaluate(run, tag)
  local value = lookup(run.stack, tag.path)
  for _, filter in ipairs(tag.filters) do
    if type(value) == "userdata" then value = nil end
    if value ~= nil or filter.name == "default" then
      local reason
      value, reason = apply(filter, run.settings.filters[filter.name], value)
      if value == nil and reason then
        return nil, failure(run.place, tag, describe(tag, filter) .. " " .. tostring(reason))
      end
    end
  end
  if value ~= nil and type(value) ~= "userdata" then return value end
  if run.settings.missing == "empty" then return "" end
  return nil, failure(run.place, tag, describe(tag) .. " is missing")
end

local function write(run, tag, value)
  local text, reason = filters.string(value)
  if not text then return failure(run.place, tag, describe(tag) .. " " .. reason) end
  run.out[#run.out + 1] = tag.sigil == "" and run.settings.escape(text) or text
end

local writers = {}

local function render(run, nodes)
  for _, node in ipairs(nodes) do
    if type(node) == "string" then
      run.out[#run.out + 1] = node
    else
      local err = writers[node.sigil](run, node)
      if err then return err end
    end
  end
end

-- Renders the content of a section, or a partial with a position of its own.
local function descend(run, tag, nodes, place)
  local outer = run.place
  if run.depth == MAX_DEPTH then
    return failure(outer, tag, describe(tag) .. " is nested too deeply")
  end
  run.depth, run.place = run.depth + 1, place or outer
  local err = render(run, nodes)
  run.depth, run.place = run.depth - 1, outer
  return err
end

writers[""] = function(run, tag)
  local value, err = evaluate(run, tag)
  return err or write(run, tag, value)
end
writers["&"], writers["{"] = writers[""], writers[""]

local function is_empty(value)
  if type(value) == "table" then return next(value) == nil end
  return not value or value == "" or type(value) == "userdata"
end

-- A table with a first item is a list; any other value counts as a list of one.
writers["#"] = function(run, tag)
  local value = lookup(run.stack, tag.path)
  if type(value) == "function" then
    return failure(run.place, tag, describe(tag) .. " is a function")
  end
  if is_empty(value) then return end
  local is_list = type(value) == "table" and value[1] ~= nil
  local top = #run.stack + 1
  for _, item in ipairs(is_list and value or { value }) do
    run.stack[top] = item
    local err = descend(run, tag, tag.nodes)
    if err then return err end
  end
  run.stack[top] = nil
end

writers["^"] = function(run, tag)
  if is_empty(lookup(run.stack, tag.path)) then return descend(run, tag, tag.nodes) end
end

writers[">"] = function(run, tag)
  local source, indent = run.settings.sources[tag.name], tag.indent or ""
  if indent ~= "" then source = source:gsub("[^\r\n][^\n]*", indent .. "%0") end
  local place = { source = source, partial = tag.name, indent = #indent }
  local tree, err = parser.parse(place)
  return err or descend(run, tag, tree.nodes, place)
end

local function new_run(place, settings, vars)
  return { place = place, settings = settings, stack = { vars }, out = {}, depth = 0 }
end

return { new_run = new_run, render = render, evaluate = evaluate, write = write }
