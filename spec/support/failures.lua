-- How calls of the specs of the transport end badly, each way with the checks that it always needs.
--
--   local err = failures.breaks({ raw = "..." }, "protocol")      a broken response
--   local err = failures.times_out("idle", "body", step, { idle_timeout = failures.LIMIT })
--   local err = failures.too_large("body", "max_response_bytes", step, options)

local assert = require("luassert")

local wire = require("spec.support.wire")

local failures = { LIMIT = 0.05 }

-- The parts of a response that is in order.
failures.OK = "HTTP/1.1 200 OK\r\n"
failures.WHOLE = '{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}'
failures.LENGTH = ("Content-Length: %d\r\n"):format(#failures.WHOLE)

--- A broken response is soon an error, and the next call succeeds.
---@param step simulator.step
---@param reason? string
---@return table err
function failures.breaks(step, reason)
  local err
  local seconds = wire.took(function() err = wire.fails(step, { deadline = 5 }) end)
  assert.is_true(seconds < wire.slack)
  assert.are.equal("connection", err.kind)
  if reason then assert.are.equal(reason, err.reason) end
  assert.is_true(#err.message > 0)
  wire.succeeds { connection = "close" }
  return err
end

--- The call ends by this time-out, which is LIMIT, when it is due and in this phase.
---@return table err
function failures.times_out(reason, phase, step, options)
  local err
  local seconds = wire.took(function() err = wire.fails(step, options) end)
  assert.are.equal("timeout", err.kind)
  assert.are.equal(reason, err.reason)
  assert.are.equal(phase, err.phase)
  assert.is_true(seconds >= failures.LIMIT - 0.002, "too early: " .. seconds)
  assert.is_true(seconds < failures.LIMIT + wire.slack, "too late: " .. seconds)
  return err
end

--- The call ends by this cap, which its message names, in this phase.
---@return table err
function failures.too_large(phase, cap, step, options)
  local err = wire.fails(step, options)
  assert.are.equal("response_too_large", err.kind)
  assert.are.equal(phase, err.phase)
  assert.is_truthy(err.message:find(cap, 1, true), err.message)
  return err
end

--- The body of an answer that has this size.
---@param size integer bytes
---@return string
function failures.body_of(size)
  return '{"choices":[{"message":{"content":"' .. ("x"):rep(size - 40) .. '"}}]}'
end

return failures
