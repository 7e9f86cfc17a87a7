--- One limit for all workers of nginx: what limit.lua keeps, counted in a lua_shared_dict.
--
-- Requests and tokens are counted in slots of SLOT seconds. Workers only ever add to a slot, which
-- is atomic, and never write what they have read before. Who wants a turn adds first and then reads
-- the whole window: if that is over the limit, it takes back what it added and waits. Of those that
-- stay, the last to add has seen all the others, so together they are within the limit, whatever
-- the interleaving; that two may see each other and both step back for a moment does no harm.
--
-- Two windows are kept: the limit over the last minute, which is a promise, and a pace: `burst`
-- seconds' worth over about that time.
-- A minute has a slot more than it needs, for what is on its way while a slot ends; see budget.lua.
-- The clock is monotonic, and the same in all processes of a machine.
--
-- A pause after a 429 is written down by each worker under its own number, so no one overwrites a
-- longer one of another's. The order of the queue is kept within a worker.

local cooldown = require("novita.cooldown")
local limit = require("novita.limit")
local options = require("novita.options")

local ngx = rawget(_G, "ngx")

local shared = {}

local SLOT = 2 -- seconds
local SLOTS = 60 / SLOT + 2 -- of a minute: the slot that is filling, and a margin
local RING = 64 -- slots have names again after so many; each is forgotten long before
local MEMORY = (SLOTS + 1) * SLOT -- seconds

local DEFAULT_KEY = "novita"

local RULES = {
  rpm = options.integer(1),
  tpm = options.integer(1),
  queue = options.integer(0),
  burst = options.number(0, 60),
  max_pause = options.number(0),
  key = {
    expected = "a string",
    accepts = function(value) return type(value) == "string" end,
  },
}

---@class novita.SharedBudget: novita.Budget
local Budget = {}
local meta = { __index = Budget, __name = "novita.budget" }

local function new_budget(dict, prefix, given, limit_a_minute)
  if not limit_a_minute then return nil end
  local slots = math.max(1, math.ceil((given.burst or 10) / SLOT))
  local names = {}
  for index = 0, RING - 1 do names[index] = prefix .. index end
  return setmetatable({
    dict = dict, names = names, limit = limit_a_minute,
    burst_slots = slots, burst = limit_a_minute * slots / SLOTS,
  }, meta)
end

local function add(self, slot, amount)
  local sum, err = self.dict:incr(self.names[slot % RING], amount, 0, MEMORY)
  if not sum then error("novita: the lua_shared_dict of a limit: " .. err, 0) end
end

-- What each slot of the last minute has, by its age.
local function counts(self, slot)
  local list = {}
  for age = 0, SLOTS - 1 do list[age] = self.dict:get(self.names[(slot - age) % RING]) or 0 end
  return list
end

-- Seconds until the newest n slots are within a limit when an amount is added: until so many of the
-- older ones have left.
local function wait_for(list, n, most, amount, slot, now)
  local excess = amount - most
  for age = 0, n - 1 do excess = excess + list[age] end
  local age = n
  while excess > 0 and age > 0 do
    age = age - 1
    excess = excess - list[age]
  end
  return age == n and 0 or (slot - age + n) * SLOT - now
end

-- The longer wait of both windows. What alone is more than a burst may go when nothing else does.
local function wait(self, slot, amount, added, now)
  local list = counts(self, slot)
  list[0] = list[0] - added
  return math.max(
    wait_for(list, SLOTS, self.limit, amount, slot, now),
    wait_for(list, self.burst_slots, math.max(self.burst, amount), amount, slot, now))
end

--- How long to wait before an amount may be used: 0, or the time until it is worth asking again.
---@param amount number not more than the limit
---@param now number
---@return number seconds
function Budget:wait(amount, now)
  return wait(self, math.floor(now / SLOT), amount, 0, now)
end

--- Uses an amount now, unless other workers have used up what was left.
---@param amount number
---@param now number
---@return table? entry
function Budget:take(amount, now)
  local slot = math.floor(now / SLOT)
  add(self, slot, amount)
  if wait(self, slot, amount, amount, now) == 0 then return { slot = slot } end
  add(self, slot, -amount)
  return nil
end

--- Corrects an entry by a difference: less is given back, more is taken now.
---@param entry table
---@param difference number
---@param now number
function Budget:correct(entry, difference, now)
  local slot = math.floor(now / SLOT)
  if difference > 0 then
    add(self, slot, difference)
  elseif slot - entry.slot < SLOTS then
    self.dict:incr(self.names[entry.slot % RING], difference)
  end
end

-- Where workers tell each other of pauses: when the longest one ends.
local function new_board(dict, prefix)
  local function name(worker) return prefix .. "pause:" .. worker end
  return {
    read = function()
      local latest = -math.huge
      for worker = 0, ngx.worker.count() - 1 do
        latest = math.max(latest, dict:get(name(worker)) or latest)
      end
      return latest
    end,
    write = function(resume, now)
      if resume > now then dict:set(name(ngx.worker.id() or 0), resume, resume - now) end
    end,
  }
end

---@class novita.SharedLimitOptions
---@field key string? limiters of the same key are one limit; default "novita"
---@field rpm integer? requests a minute
---@field tpm integer? tokens a minute
---@field queue integer? calls of a worker that may wait; default 10000, 0 for none
---@field burst number? seconds' worth of rpm and tpm that may go at once; default 10
---@field max_pause number? where a pause lasts longer, calls fail rather than wait; default 120

--- A limiter that all workers share.
---@param name string a lua_shared_dict of nginx.conf
---@param given novita.SharedLimitOptions
---@param env novita.LimitEnv
---@return novita.Limiter
function shared.new(name, given, env)
  options.check("limit.shared", given, RULES)
  local dict = ngx and ngx.shared[name]
  if not dict then
    error(("limit.shared: no lua_shared_dict '%s' in nginx.conf"):format(tostring(name)), 3)
  end
  local prefix = (given.key or DEFAULT_KEY) .. ":"
  return limit.over({
    requests = new_budget(dict, prefix .. "requests:", given, given.rpm),
    tokens = new_budget(dict, prefix .. "tokens:", given, given.tpm),
    cooldown = cooldown.new(env, new_board(dict, prefix)),
  }, given, env)
end

return shared
