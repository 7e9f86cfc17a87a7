--- A limit for all workers of nginx: the windows of limit/init.lua, counted in a lua_shared_dict.
--
-- Requests and tokens are counted in slots of SLOT seconds. Workers only ever add to a slot, which
-- is atomic, and never write a value that they have read before. A worker adds first and then reads
-- the whole window: if the sum is over the limit, it subtracts what it added and waits. Of the
-- amounts that remain, the last one was added when all others could be read, so together they are
-- within the limit, whatever the interleaving. Two workers may read each other's amounts and both
-- subtract theirs; they try again later.
--
-- Two windows apply: the limit over the last minute, which is guaranteed, and a pace: `burst`
-- seconds' worth over the slots of that time, at least two, so that the end of a slot and the
-- beginning of the next can't have a burst each.
-- A minute has one slot too many, for requests in transit while a slot ends; see window.lua.
-- The clock is monotonic, and the same in all processes of a machine.
--
-- Each worker writes its pause after a 429 under its own number, so that none overwrites a longer
-- one. The queue is first in, first out within a worker.

local throttle = require("novita.limit.throttle")
local limit = require("novita.limit")
local misuse = require("novita.misuse")
local rule = require("novita.rule")

local ngx = rawget(_G, "ngx")

local shared = {}

local SLOT = 2 -- seconds
local SLOTS = 60 / SLOT + 2 -- of a minute: the slot that is filling, and a margin
local NAMES = 64 -- of slots; a name is reused long after its slot has expired
local EXPIRY = (SLOTS + 1) * SLOT -- seconds

local DEFAULT_KEY = "novita"

local RULES = {
  rpm = rule.integer(1),
  tpm = rule.integer(1),
  queue = rule.integer(0),
  burst = rule.number(0, 60),
  max_pause = rule.number(0),
  key = rule.string,
}

---@class novita.SharedWindow: novita.Window
local methods = {}
local mt = { __name = "novita.window", __index = methods }

local function new_window(dict, prefix, given, limit_a_minute)
  if not limit_a_minute then return nil end
  local slots = math.max(2, math.ceil((given.burst or 10) / SLOT))
  local names = {}
  for index = 0, NAMES - 1 do names[index] = prefix .. index end
  return setmetatable({
    dict = dict, names = names, limit = limit_a_minute,
    burst_slots = slots, burst = limit_a_minute * slots * SLOT / 60,
  }, mt)
end

local function add(self, slot, amount)
  local sum, err = self.dict:incr(self.names[slot % NAMES], amount, 0, EXPIRY)
  if not sum then error("novita: the lua_shared_dict of a limit: " .. err, 0) end
end

-- Returns the amounts of the slots of the last minute, by their age.
local function counts(self, slot)
  local list = {}
  for age = 0, SLOTS - 1 do list[age] = self.dict:get(self.names[(slot - age) % NAMES]) or 0 end
  return list
end

-- Returns the seconds until an amount fits into the newest n slots: until enough of the older ones
-- have expired.
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

-- Returns the longer wait of both windows. An amount larger than a burst waits for an empty one.
local function wait(self, slot, amount, added, now)
  local list = counts(self, slot)
  list[0] = list[0] - added
  return math.max(
    wait_for(list, SLOTS, self.limit, amount, slot, now),
    wait_for(list, self.burst_slots, math.max(self.burst, amount), amount, slot, now))
end

--- Returns how long to wait before an amount may be used, or before the next call of this: 0 for
--- now.
---@param amount number not more than the limit
---@param now number
---@return number seconds
function methods:wait(amount, now)
  return wait(self, math.floor(now / SLOT), amount, 0, now)
end

--- Uses an amount now, unless other workers have used up what was left.
---@param amount number
---@param now number
---@return table? entry
function methods:take(amount, now)
  local slot = math.floor(now / SLOT)
  add(self, slot, amount)
  if wait(self, slot, amount, amount, now) == 0 then return { slot = slot } end
  add(self, slot, -amount)
  return nil
end

--- Changes the amount of an entry: gives back the difference, or takes more now.
---@param entry table
---@param difference number
---@param now number
function methods:correct(entry, difference, now)
  local slot = math.floor(now / SLOT)
  if difference > 0 then
    add(self, slot, difference)
  elseif slot - entry.slot < SLOTS then
    self.dict:incr(self.names[entry.slot % NAMES], difference)
  end
end

-- Makes the novita.SharedPause of all workers.
local function new_shared_pause(dict, prefix)
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
---@field burst number? seconds' worth of rpm and tpm that may be used at once, 0 to 60, rounded up
---  to an even number and at least 4; default 10. A call that needs more by itself runs alone
---@field max_pause number? calls fail rather than wait for a longer pause; default 120

--- Makes a limiter that all workers share.
---@param name string a lua_shared_dict of nginx.conf
---@param given novita.SharedLimitOptions
---@param env novita.LimitEnv
---@return novita.Limiter
function shared.new(name, given, env)
  rule.check("limit.shared", given, RULES)
  local dict = ngx and ngx.shared[name]
  if not dict then
    misuse.raise(("limit.shared: no lua_shared_dict '%s' in nginx.conf"):format(tostring(name)))
  end
  local prefix = (given.key or DEFAULT_KEY) .. ":"
  return limit.over({
    requests = new_window(dict, prefix .. "requests:", given, given.rpm),
    tokens = new_window(dict, prefix .. "tokens:", given, given.tpm),
    throttle = throttle.new(env, new_shared_pause(dict, prefix)),
  }, given, env)
end

return shared
