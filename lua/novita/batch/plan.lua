--- Computes what a run would do and cost, from the store.

local prices = require("novita.batch.prices")

local plan = {}

---@class novita.BatchPlan
---@field rows integer of the input
---@field unique integer different requests
---@field problems integer rows that can't be sent
---@field paid integer rows whose answer is there
---@field failed integer rows whose call has failed
---@field in_doubt integer rows whose call was interrupted: the answer may have been paid for
---@field to_send integer calls that a run would make
---@field prompt_tokens integer of those, estimated
---@field completion_tokens integer of those at most: max_tokens, 1024 where a request names none
---@field usd? number of those at most; nil where the price of a model is not known
---@field problem_list string[] what is wrong with the first rows that can't be sent

-- The cost of a group of calls, each taken to be of the mean length.
local function cost_of(group, price)
  if not price then return nil end
  return group.count * prices.of_tokens(price, group.prompt / group.count,
    group.completion / group.count)
end

--- Makes the plan of a batch.
---@param counted novita.BatchCounts
---@param unique integer different requests
---@param fields table in_doubt and keep_failures of the batch
---@param price_of fun(model: string?): novita.batch.Price?
---@return novita.BatchPlan
function plan.of(counted, unique, fields, price_of)
  local is_sent = {
    waiting = true, failed = not fields.keep_failures, sent = fields.in_doubt ~= "hold",
  }
  local result = {
    rows = counted.rows, unique = unique, problems = counted.problems,
    paid = counted.done, failed = counted.failed, in_doubt = counted.sent,
    to_send = 0, prompt_tokens = 0, completion_tokens = 0, usd = 0,
  }
  for _, group in ipairs(counted.groups) do
    if is_sent[group.state] then
      local usd = cost_of(group, price_of(group.model))
      result.to_send = result.to_send + group.count
      result.prompt_tokens = result.prompt_tokens + group.prompt
      result.completion_tokens = result.completion_tokens + group.completion
      result.usd = usd and result.usd and result.usd + usd
    end
  end
  return result
end

return plan
