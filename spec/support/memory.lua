-- How much memory a program needs above what it had when it was idle.
--
--   local used = memory.of("assert(client:models())", url)     MiB, in a process of its own
--   memory.check("listing models", used, 4)

local child = require("spec.support.child")

local memory = {}

local PROGRAM = [[
local novita = require("novita")
local function read(name)
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^" .. name .. ":%%s*(%%d+) kB")
    if kib then return tonumber(kib) end
  end
end
local client = novita.new { base_url = %q, api_key = "sk_spec", retry = "none" }
assert(client:models())
collectgarbage()
local idle = read("VmRSS")
local file = io.open("/proc/self/clear_refs", "w") -- the peak is the present use from now on
file:write("5")
file:close()
%s
print((read("VmHWM") - idle) / 1024)
]]

--- Runs code that has a `client`.
---@param code string
---@param url string of a simulator
---@return number mebibytes at its peak, above those of an idle client
function memory.of(code, url)
  local output, _, status = child.run(PROGRAM:format(url, code))
  if status ~= 0 then error(output, 2) end
  return tonumber(output)
end

--- Checks against the most that it may be; prints it with NOVITA_SPEC_FIGURES=1. A sanitizer keeps
--- what is freed: there only the figure counts for nothing.
function memory.check(what, used, most)
  if os.getenv("NOVITA_SPEC_FIGURES") then
    print(("%s: %.1f MiB above idle, at most %d"):format(what, used, most))
  end
  if not os.getenv("NOVITA_PRELOAD") then assert(used < most, what .. ": " .. used .. " MiB") end
end

return memory
