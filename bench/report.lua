-- What the benchmarks make of their figures: medians, ratios, the table. For Lua 5.4.
-- luacheck: std lua54

local harness = require "harness"

local report = {}

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

function report.number(value)
  return (value >= 100 and "%.0f" or "%.1f"):format(value)
end

-- Three cells: the median, the median ratio to `base`, and the middle half of those ratios.
function samples:cells(contender, base, subject, name)
  local ratios = self:ratios(contender, base, subject, name)
  local x = quantile(ratios, 0.5)
  local format = x >= 10 and "%.0f" or "%.2f"
  return report.number(self:median(contender, subject, name)), format:format(x),
    (format .. "-" .. format):format(quantile(ratios, 0.25), quantile(ratios, 0.75))
end

-- "<= 1.2 met" or "<= 1.2 MISSED"; `base` is what bare libcurl has, where that may miss it too.
function report.aim(value, limit, base)
  local verdict = "MISSED"
  if value <= limit then
    verdict = "met"
  elseif base and base > limit then
    verdict = "missed, as above"
  end
  return ("<= %g %s"):format(limit, verdict)
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

-- The machine, the versions, the command line.
function report.heading(how)
  print("$ " .. arg[0] .. (#arg > 0 and " " or "") .. table.concat(arg, " "))
  print(("machine   %s, %s cores, Linux %s, load %s"):format(cpu_model(), first_line("nproc"),
    first_line("uname -r"), first_line("cut -d' ' -f1-3 /proc/loadavg")))
  print("libcurl   " .. first_line(harness.quote(harness.out .. "/bare") .. " version"))
  print(("Lua       %s, %s, %s, %s, lua-cjson %s, lua-http %s"):format(
    first_line("lua5.4 -v"):match("^Lua %S+"), first_line("luajit -v"):match("^LuaJIT %S+"),
    lua_version("lua5.4", [[require("socket")._VERSION]]),
    "LuaSec " .. lua_version("lua5.4", [[require("ssl")._VERSION]]),
    lua_version("lua5.4", [[require("cjson")._VERSION]]),
    lua_version("luajit", [[require("http.version").version]])))
  print(("quiet?    contenders waited %.0f%% of their time for a processor that others used; above "
    .. "a few,\n          latencies and wall times are the machine's"):format(
    100 * harness.disturbance()))
  print("how       " .. how:gsub("\n", "\n          "))
end

local function pad(cell, width, left)
  local space = (" "):rep(width - #cell)
  return left and cell .. space or space .. cell
end

-- Prints rows of cells, aligned; the first column to the left. A row of one cell is a heading, and
-- has a line before it.
local function print_rows(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(#row > 1 and row or {}) do
      widths[i] = math.max(widths[i] or 0, #cell)
    end
  end
  print()
  for _, row in ipairs(rows) do
    if #row == 1 then print() end
    local cells = {}
    for i, cell in ipairs(row) do
      cells[i] = pad(cell, #row > 1 and widths[i] or 0, i == 1)
    end
    print((table.concat(cells, "  "):gsub("%s+$", "")))
  end
end

-- One line on the terminal that says what runs; nothing where standard error is not one.
local to_terminal = os.execute("test -t 2")

local function progress(...)
  if to_terminal then io.stderr:write("\r\27[K", ...) end
end

-- A table of a report: contenders; subjects, each with a name; samples; measure(contender,
-- subject), the figures of one run; header; row(contender, subject), the cells for the table.
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
      table.insert(rows, part.row(contender, subject))
    end
  end
  print_rows(rows)
end

return report
