-- What the benchmarks make of their figures: medians, ratios, the table. For Lua 5.4.
-- luacheck: std lua54

local print_columns = require "columns"
local harness = require "harness"
local results = require "results"

local report = { number = results.number }

local function quantile(values, q)
  local t = table.move(values, 1, #values, 1, {})
  table.sort(t)
  local at = 1 + q * (#t - 1)
  local low = math.floor(at)
  return t[low] + (at - low) * ((t[low + 1] or t[low]) - t[low])
end

-- Collects what was measured, by contender, subject and round.
local samples = {}
samples.__index = samples

function report.samples()
  return setmetatable({}, samples)
end

function samples:add(contender, subject, figures)
  for name, value in pairs(figures) do
    local key = contender.name .. " " .. subject .. " " .. name
    self[key] = self[key] or {}
    table.insert(self[key], value)
  end
end

function samples:median(contender, subject, name)
  return quantile(self[contender.name .. " " .. subject .. " " .. name], 0.5)
end

-- The ratios to another contender in the same rounds, in order.
function samples:ratios(contender, base, subject, name)
  local mine = self[contender.name .. " " .. subject .. " " .. name]
  local theirs = self[base.name .. " " .. subject .. " " .. name]
  local ratios = {}
  for i = 1, #mine do
    ratios[i] = mine[i] / theirs[i]
  end
  return ratios
end

function samples:ratio(contender, base, subject, name)
  return quantile(self:ratios(contender, base, subject, name), 0.5)
end

-- Three cells: the median, the median ratio to `base`, and the middle half of those ratios.
function samples:cells(contender, base, subject, name)
  local ratios = self:ratios(contender, base, subject, name)
  local x = quantile(ratios, 0.5)
  local format = x >= 10 and "%.0f" or "%.2f"
  return results.number(self:median(contender, subject, name)), format:format(x),
    (format .. "-" .. format):format(quantile(ratios, 0.25), quantile(ratios, 0.75))
end

local recorded = {}

-- Notes a figure that has an aim, and returns a cell that says whether it is met. what: the figure;
-- case: for what it was measured, with `what` its name among the aims; limit: what it may be.
local function note(aim)
  aim.value = tonumber(("%.6g"):format(aim.value))
  table.insert(recorded, aim)
  return ("%s%s <= %g %s"):format(results.number(aim.value), aim.unit, aim.limit,
    results.is_met(aim) and "met" or "MISSED")
end

local function first_line(command)
  local ok, t = pcall(harness.lines, command .. " 2>&1")
  return ok and t[1] or "?"
end

local function cpu_model()
  for line in io.lines("/proc/cpuinfo") do
    local model = line:match("^model name%s*:%s*(.*)")
    if model then return model end
  end
  return first_line("uname -m")
end

local function lua_version(lua, expression)
  return first_line(("%s -e %s"):format(lua, harness.quote("print((" .. expression .. "))")))
end

local function machine()
  return ("%s, %s cores, Linux %s"):format(cpu_model(), first_line("nproc"), first_line("uname -r"))
end

local function libcurl()
  return first_line(harness.quote(harness.out .. "/bare") .. " version")
end

local function luas()
  return ("%s, %s, lua-cjson %s"):format(first_line("lua5.4 -v"):match("^Lua %S+"),
    first_line("luajit -v"):match("^LuaJIT %S+"), lua_version("lua5.4",
    [[require("cjson")._VERSION]]))
end

-- The machine, the versions, the command line.
function report.heading(how)
  print("$ " .. arg[0] .. (#arg > 0 and " " or "") .. table.concat(arg, " "))
  print(("machine   %s, load %s"):format(machine(), first_line("cut -d' ' -f1-3 /proc/loadavg")))
  print("libcurl   " .. libcurl())
  print(("Lua       %s, %s, LuaSec %s, lua-http %s"):format(luas(),
    lua_version("lua5.4", [[require("socket")._VERSION]]),
    lua_version("lua5.4", [[require("ssl")._VERSION]]),
    lua_version("luajit", [[require("http.version").version]])))
  print(("quiet?    contenders waited %.0f%% of their time for a processor that others used; above "
    .. "a few,\n          latencies and wall times are the machine's"):format(
    100 * harness.disturbance()))
  print("how       " .. how:gsub("\n", "\n          "))
end

-- Keeps what was noted for bench/table, in build/bench/NAME.json.
function report.save(rounds)
  local name = arg[0]:match("[^/]+$")
  results.write(harness.out .. "/" .. name .. ".json", { {
    bench = name, date = os.date("!%Y-%m-%d"), machine = machine(),
    versions = libcurl():match("^libcurl/%S+") .. ", " .. luas(), rounds = rounds,
    waited = ("%.0f%%"):format(100 * harness.disturbance()), aims = recorded,
  } })
end

-- One line on the terminal that says what runs; nothing where standard error is not one.
local to_terminal = os.execute("test -t 2")

local function progress(...)
  if to_terminal then io.stderr:write("\r\27[K", ...) end
end

-- A table of a report: contenders; subjects, each with a name; samples; measure(contender,
-- subject), the figures of one run; header; row(contender, subject), the cells for the table;
-- aims(contender, subject), if there are any: the aims of that row, or nil.
-- Measures each contender on each subject once: a round.
function report.measure(part, round)
  for _, subject in ipairs(part.subjects) do
    for _, contender in ipairs(part.contenders) do
      progress("round ", round, ": ", subject.name, ": ", contender.title)
      part.samples:add(contender, subject.name, part.measure(contender, subject))
    end
  end
  progress()
end

function report.print(part)
  local rows = { part.header }
  for _, subject in ipairs(part.subjects) do
    table.insert(rows, { subject.name })
    for _, contender in ipairs(part.contenders) do
      local row = part.row(contender, subject)
      for _, aim in ipairs(part.aims and part.aims(contender, subject) or {}) do
        table.insert(row, note(aim))
      end
      table.insert(rows, row)
    end
  end
  print_columns(rows)
end

return report
