--- The calls of a batch in its store: which are to be made, which are in flight, what came of them.
---
--- waiting -> sent -> done or failed. A call is `sent` before its first byte leaves, so what a
--- crash interrupts is known: such a call is in doubt, since its answer may have been paid for.

local bulk = require("novita.batch.bulk")

local claims = {
  --- The columns of a claim of a call c. No join, since PostgreSQL locks the rows of joins, too.
  COLUMNS = [[c.n, c.id, (select body from call_request where n = c.n), c.model, c.prompt_estimate,
    c.completion_estimate]],
}

-- The second condition is that of the index call_open, as SQLite wants to see it.
local TAKE = "select " .. claims.COLUMNS .. [[
  from call c join item i on i.batch = c.batch and i.id = c.id and i.key = c.key
  where c.batch = $1 and c.state = 'waiting' and c.state <> 'done' and c.n > $2
  order by c.n limit $3]]
-- The same calls, by the numbers of the first and the last: where these leave no other number out.
local SEND = [[update call set state = 'sent', owner = $3, sends = sends + 1, sent_at = {now},
  remote = null where n between $1 and $2]]
-- The same calls, where others lie between them.
local SEND_SPARSE = [[update call set state = 'sent', owner = $4, sends = sends + 1,
  sent_at = {now}, remote = null
  where batch = $1 and state = 'waiting' and state <> 'done' and n between $2 and $3
  and exists (select 1 from item i where i.batch = call.batch and i.id = call.id
    and i.key = call.key)]]
-- A call that is made again after it has failed may have been paid for before: costs add up.
local FINISH = [[update call set state = $1, ended_at = {now}, attempts = $2, status = $3,
  request_id = $4, prompt_tokens = coalesce(prompt_tokens + $5, $5, prompt_tokens),
  completion_tokens = coalesce(completion_tokens + $6, $6, completion_tokens),
  usd = coalesce(usd + $7, $7, usd), error = $8
  where n = $9 and state <> 'done']]
local ADD_DOUBTS = "update call set doubts = doubts + $2, sends = sends + $3 where n = $1"
-- An answer replaces that of an attempt which has failed.
local insert_answers = bulk.statement([[insert into call_answer (n, body) values {values}
  on conflict (n) do update set body = excluded.body]], 2)
local FORGET = "delete from call_answer where n = $1"
local RELEASE = [[update call set state = 'waiting', sends = sends - 1
  where n = $1 and state = 'sent']]

local DOUBT = [[update call set state = 'waiting', doubts = doubts + 1
  where batch = $1 and state = 'sent' and state <> 'done' and remote is null]]
local FAILED = [[update call set state = 'waiting'
  where batch = $1 and state = 'failed' and state <> 'done']]

local PLACE = [[select i.place, i.seq, i.key from call c
  join item i on i.batch = c.batch and i.id = c.id and i.key = c.key where c.n = $1]]

---@class novita.BatchClaim
---@field n integer the number of the call in its store
---@field id string
---@field request? string the bytes; nil where the store keeps no prompts
---@field model? string
---@field prompt integer tokens, estimated
---@field completion integer
---@field place? integer these three where the store keeps no prompts: the offset of its row in the
---  input; nil where that has another request meanwhile
---@field seq? integer the number of the row
---@field key? string of the request
---@field owner? string who claimed it, where several processes do
---@field at? number when

---@class novita.BatchClaims
---@field store novita.Store
---@field batch integer
---@field owner string
---@field last integer the number of the last call that was taken
local methods = {}
local mt = { __name = "novita.batch.claims", __index = methods }

--- The methods, which leases.lua has too, but for those that differ there.
claims.methods = methods

-- Adds where the input has the request of a claim, if the store does not keep it.
local function place(store, claim)
  if claim.request then return true end
  local rows, err = store:query(PLACE, claim.n)
  if not rows then return nil, err end
  local row = rows[1] or {}
  claim.place, claim.seq, claim.key = row[1], row[2], row[3]
  return true
end

--- Adds claims of selected rows to a list.
---@param store novita.Store
---@param rows novita.Rows
---@param list novita.BatchClaim[]
---@return novita.BatchClaim[]? list nil on failure
---@return novita.Error? err
function claims.add(store, rows, list)
  for _, row in ipairs(rows) do
    local claim = {
      n = row[1], id = row[2], request = row[3], model = row[4], prompt = row[5],
      completion = row[6],
    }
    local placed, err = place(store, claim)
    if not placed then return nil, err end
    list[#list + 1] = claim
  end
  return list
end

-- Selects calls behind the last one; from the start where there are none.
local function candidates(self, count)
  local rows, err = self.store:query(TAKE, self.batch, self.last, count)
  if rows and not rows[1] and self.last > 0 then
    rows, err = self.store:query(TAKE, self.batch, 0, count)
  end
  if not rows then return nil, err end
  return claims.add(self.store, rows, {})
end

-- Marks the selected calls as sent, by their first and last number and their count.
local function mark_sent(self, first, last, count)
  if last - first + 1 == count then return self.store:query(SEND, first, last, self.owner) end
  return self.store:query(SEND_SPARSE, self.batch, first, last, self.owner)
end

--- Marks the next calls as sent, as many as fit. Within the transaction of a turn.
---@param count integer
---@param fit fun(claims: novita.BatchClaim[]): integer
---@return novita.BatchClaim[]? claims nil on failure
---@return novita.Error? err
function methods:take(count, fit)
  if count == 0 then return {} end
  local list, err = candidates(self, count)
  if not list then return nil, err end
  list.more = #list > 0
  for index = #list, fit(list) + 1, -1 do list[index] = nil end
  if not list[1] then return list end
  local done
  done, err = mark_sent(self, list[1].n, list[#list].n, #list)
  return done and list, err
end

--- Writes down what came of a call, but for its answer and its doubts. Within the transaction of a
--- turn.
---@param outcome novita.BatchOutcome
---@return boolean? ended has this outcome ended the call? then these count, too; nil on failure
---@return novita.Error? err
function methods:finish(outcome)
  local rows, err
  if outcome.state == "sent" then return false end -- it stays in doubt
  if outcome.state == "waiting" then
    rows, err = self.store:query(RELEASE, outcome.n)
    return rows and false, err
  end
  rows, err = self.store:query(FINISH, outcome.state, outcome.attempts, outcome.status,
    outcome.request_id, outcome.prompt_tokens, outcome.completion_tokens, outcome.usd,
    outcome.error, outcome.n)
  return rows and rows.changed > 0, err
end

-- Writes the answers of outcomes that have ended their calls: the last one of each.
local function keep_answers(store, outcomes, last)
  local answers, count = {}, 0
  for _, outcome in ipairs(outcomes) do
    if last[outcome.n] == outcome then
      if outcome.answer then
        answers[2 * count + 1], answers[2 * count + 2] = outcome.n, store:bytes(outcome.answer)
        count = count + 1
      else
        local done, err = store:query(FORGET, outcome.n)
        if not done then return nil, err end
      end
    end
  end
  return insert_answers(store, answers, count)
end

-- Adds the attempts of an outcome whose answers were lost.
local function add_doubts(store, outcome)
  if (outcome.doubts or 0) == 0 then return true end
  return store:query(ADD_DOUBTS, outcome.n, outcome.doubts, outcome.resent or 0)
end

-- Writes down what came of calls.
local function finish_all(self, outcomes)
  local last = {}
  for _, outcome in ipairs(outcomes) do
    local ended, err = self:finish(outcome)
    local done = ended ~= nil
    if ended then
      last[outcome.n] = outcome
      done, err = add_doubts(self.store, outcome)
    end
    if not done then return nil, err end
  end
  return keep_answers(self.store, outcomes, last)
end

--- Writes down what came of calls, and takes the next ones: one transaction.
---@param outcomes novita.BatchOutcome[]
---@param count integer how many to take
---@param fit? fun(claims: novita.BatchClaim[]): integer how many of these may be sent
---@return novita.BatchClaim[]? claims with `more`: whether there was any to take, and where several
---  processes take calls `pending`: whether others have some in flight; nil on failure
---@return novita.Error? err
function methods:turn(outcomes, count, fit)
  local claimed, err = self.store:transaction(function()
    local done, problem = finish_all(self, outcomes)
    if not done then return nil, problem end
    return self:take(count, fit)
  end)
  if not claimed then return nil, err end
  if claimed[1] then self.last = claimed[#claimed].n end
  return claimed
end

--- Makes ready what an earlier run has left: calls in doubt and, where they are not kept, failures.
---@param hold boolean calls in doubt stay as they are
---@param keep_failures boolean
---@return true? done nil on failure
---@return novita.Error? err
function methods:resume(hold, keep_failures)
  return self.store:transaction(function()
    local done, err = true, nil
    if not hold then done, err = self.store:query(DOUBT, self.batch) end
    if done and not keep_failures then done, err = self.store:query(FAILED, self.batch) end
    if not done then return nil, err end
    return true
  end)
end

--- Names the processes that have calls in flight, where several may have: else the lock does.
---@return string? names
function methods:running() -- luacheck: ignore self
  return nil
end

--- Renews what ends by itself: nothing, where one process has the batch.
---@return true
function methods:renew() -- luacheck: ignore self
  return true
end

--- The calls of a batch.
---@param store novita.Store
---@param batch integer the number of the batch in its store
---@param owner string who takes them: names this process
---@return novita.BatchClaims
function claims.new(store, batch, owner)
  return setmetatable({ store = store, batch = batch, owner = owner, last = 0 }, mt)
end

return claims
