-- The aims of the benchmarks and what was measured, as JSON: a list of runs, one a bench, each with
-- its machine, date, versions and aims. An aim: what, case, value, limit, unit. For Lua 5.4.
-- luacheck: std lua54

local cjson = require "cjson"

local results = {}

local RUN = { "bench", "date", "machine", "versions", "rounds", "waited" }
local AIM = { "what", "case", "value", "limit", "unit" }

-- A figure as it is printed.
function results.number(value)
  local size = math.abs(value)
  return (size >= 100 and "%.0f" or size >= 10 and "%.1f" or size >= 0.1 and "%.2f" or "%.3f")
    :format(value)
end

function results.is_met(aim)
  return aim.value <= aim.limit
end

-- The named fields as the members of an object, in order.
local function members(object, names)
  local t = {}
  for _, name in ipairs(names) do
    t[#t + 1] = ("%s: %s"):format(cjson.encode(name), (cjson.encode(object[name]):gsub("\\/", "/")))
  end
  return table.concat(t, ", ")
end

-- One line an aim, so that a change of one is a change of a line.
local function encode(runs)
  local list = {}
  for i, run in ipairs(runs) do
    local aims = {}
    for j, aim in ipairs(run.aims) do aims[j] = "    {" .. members(aim, AIM) .. "}" end
    list[i] = ('  {%s, "aims": [\n%s]}'):format(members(run, RUN), table.concat(aims, ",\n"))
  end
  return "[\n" .. table.concat(list, ",\n") .. "]\n"
end

function results.write(path, runs)
  local file = assert(io.open(path, "w"))
  assert(file:write(encode(runs)))
  assert(file:close())
end

-- The runs in a file; none if there is no file.
function results.read(path)
  local file = io.open(path)
  if not file then return {} end
  local text = file:read("a")
  file:close()
  return cjson.decode(text)
end

-- The aims of a run in groups of those that differ in their case only: each with what, limit, unit,
-- lowest, highest, met, and the aims themselves as a list.
function results.groups(run)
  local groups, known = {}, {}
  for _, aim in ipairs(run.aims) do
    local key = aim.what .. aim.limit
    local group = known[key]
    if not group then
      group = { what = aim.what, limit = aim.limit, unit = aim.unit, met = 0,
        lowest = math.huge, highest = -math.huge }
      known[key] = group
      table.insert(groups, group)
    end
    table.insert(group, aim)
    group.lowest, group.highest = math.min(group.lowest, aim.value),
      math.max(group.highest, aim.value)
    if results.is_met(aim) then group.met = group.met + 1 end
  end
  return groups
end

-- "1.20 to 1.45 x", or one number with its unit.
function results.range(group)
  local low, high = results.number(group.lowest), results.number(group.highest)
  return (low == high and low or low .. " to " .. high) .. group.unit
end

return results
