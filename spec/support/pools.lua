-- A pool for each test, and transfers in it, at the shared simulator.
--
--   local pool
--   pools.with(function(fresh) pool = fresh end)
--   local transfer = pools.start({ delay = 30 })     one scripted step, one transfer
--   pools.drive_until(pools.answering)

local busted = require("busted")

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local pools = {}

-- Weak: a test may have its pool collected.
local current = setmetatable({}, { __mode = "v" })

--- Gives each test a pool, and a simulator without a journal.
---@param take fun(pool: userdata)
function pools.with(take)
  busted.setup(function() simulator.shared() end)
  busted.teardown(function() simulator.shared():reset() end) -- for the specs that come next
  busted.before_each(function()
    simulator.shared():reset()
    current.pool = core.pool()
    take(current.pool)
  end)
  busted.after_each(function()
    current.pool:close()
    take(nil)
  end)
end

--- Starts a transfer in the pool of the test.
---@param step? simulator.step
---@param options? table
function pools.start(step, options)
  if step then simulator.shared():script { step } end
  return assert(current.pool:chat(wire.request, wire.options(options)))
end

--- Drives the pool until the journal shows what the predicate wants of its first entry.
---@param predicate fun(entry: table): any
function pools.drive_until(predicate)
  assert(simulator.shared():wait_for(function(entries)
    current.pool:poll(0)
    return entries[1] and predicate(entries[1])
  end))
end

--- Whether the server has begun to answer: a predicate.
function pools.answering(entry) return entry.first_byte end

return pools
