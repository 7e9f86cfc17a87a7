--- Makes the objects that outlive a call: limiters, and functions that retry.

local compat = require("novita.compat")
local limit = require("novita.limit")
local loops = require("novita.loop")
local misuse = require("novita.misuse")
local retry = require("novita.retry")
local rule = require("novita.rule")

local factories = {}

--- Makes a limiter.
---@param given novita.LimitOptions
---@param loop? table whose clock it goes by
---@return novita.Limiter
function factories.limit(given, loop)
  return limit.new(given, loops.environment(loop or loops.here()))
end

--- Makes a limiter that all workers of nginx share.
---@param dict string
---@param given novita.SharedLimitOptions
---@return novita.Limiter
function factories.shared_limit(dict, given)
  return require("novita.limit.shared_window").new(dict, given, loops.environment(loops.here()))
end

-- Drops the list of attempts, which only calls return.
local function results(_, ...)
  return ...
end

--- Wraps a function so that it is retried.
---@param fn fun(...): any, any
---@param policy? "default"|"aggressive"|"none"|table
---@return fun(...): any, any
function factories.retry(fn, policy)
  if not rule.callable.accepts(fn) then misuse.expected("retry", "a function", fn) end
  local whole = retry.policy(policy)
  return function(...)
    local arguments, n = { ... }, select("#", ...)
    return results(retry.run(function()
      return fn(compat.unpack(arguments, 1, n))
    end, whole, loops.environment(loops.here())))
  end
end

return factories
