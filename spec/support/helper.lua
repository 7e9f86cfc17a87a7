-- Around every test: what it leaves open fails it.
--
-- After a test the two pools that live as long as the process are closed, and what is left is
-- collected; then no descriptor may be open that was not open before: a transfer in flight has one,
-- and so has every pool. Tests therefore begin without kept connections.

local busted = require("busted")

local native = require("spec.support.native")

require("novita.core") -- the same one, and the same servers, for all files
local sim = require("spec.support.simulator_client")
require("spec.support.postgres")

-- What would change the meaning of a spec. LD_PRELOAD carries a sanitizer into this process; of the
-- programs we start, only interpreters need it (see child.lua).
native.setenv("NOVITA_PRELOAD", os.getenv("LD_PRELOAD"))
for _, name in ipairs { "NOVITA_API_KEY", "NOVITA_BASE_URL", "NOVITA_MODEL", "LD_PRELOAD",
  "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" } do
  native.setenv(name, nil)
end
local scratch = require("spec.support.scratch")

local STATE_POOL = 2 -- NV_STATE_POOL of src/lua/binding.h

local function close_pools()
  local poll = package.loaded["novita.loop.poll"]
  if poll then poll.pool():close() end
  local state = native.upvalue(package.loaded["novita.core"].chat, 1)
  if state[STATE_POOL] then state[STATE_POOL]:close() end
  state[STATE_POOL] = nil
end

-- A compiled trace of LuaJIT holds the objects that it was compiled with, as long as it lives.
local function collect()
  if rawget(_G, "jit") then require("jit").flush() end
  collectgarbage()
end

local function left_open(before, now)
  local list = {}
  for number, target in pairs(now) do
    local known = before[number] == target or sim.descriptors[number]
    if not known then list[#list + 1] = ("%d (%s)"):format(number, target) end
  end
  table.sort(list)
  return table.concat(list, ", ")
end

local before, test -- of the running test: what is open before it, and its name

busted.subscribe({ "test", "start" }, function(element)
  test = ("%s (%s:%s)"):format(element.name, element.trace.short_src, element.trace.currentline)
  return nil, true
end)

busted.subscribe({ "exit" }, function()
  scratch.remove()
  return nil, true
end)

busted.before_each(function()
  before = native.descriptors() or {}
end)

busted.after_each(function()
  close_pools()
  for _ = 1, 2 do -- a collection is dear, and mostly there is nothing to collect
    if left_open(before, native.descriptors() or before) == "" then return end
    collect()
  end
  collect()
  local list = left_open(before, native.descriptors())
  if list ~= "" then error(test .. " left descriptors open: " .. list, 0) end
end)
