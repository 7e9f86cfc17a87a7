--- Normalizes a plain reply of odd shape into the table that its stream would give, or an error.
---
--- reply_shape.c detects such replies; all others bypass this file.

local accumulator = require("novita.stream.accumulator")

local plain = {}

-- Does a partial reply hold any output of the model?
local function has_words(reply)
  for _, choice in ipairs(reply.choices) do
    local message = choice.message
    if (message.content or "") ~= "" or (message.reasoning_content or "") ~= ""
      or message.tool_calls or message.function_call then
      return true
    end
  end
  return false
end

local function fail(err, reply)
  if reply and has_words(reply) then
    reply.incomplete, err.partial = true, reply
  end
  return nil, err
end

local function read(transfer, raw)
  local assembler = accumulator.new()
  local problem = assembler:add(raw, true)
  if problem then return fail(transfer:unusable(problem)) end
  assembler:news(true) -- settles which choice is the first
  local reply = assembler:build()
  if assembler.failure then return fail(transfer:fault(assembler.failure), reply) end
  problem = accumulator.check(reply)
  if problem then return fail(transfer:unusable(problem), reply) end
  return reply
end

--- Reads a reply that transfer:reply() has called odd, and closes the transfer.
---@param transfer novita.Transfer
---@param raw novita.Reply
---@param info novita.Info
---@return novita.Reply? reply
---@return novita.Info|novita.Error info
function plain.read(transfer, raw, info)
  local reply, err = read(transfer, raw)
  transfer:close()
  if not reply then return nil, err end
  return reply, info
end

return plain
