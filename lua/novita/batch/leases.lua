--- The calls of a batch that several processes and machines share: claims.lua with leases, for
--- stores on a PostgreSQL server.
---
--- A claim belongs to its process for the seconds of a lease, which is renewed while the process
--- runs. Other processes skip claimed rows, and claim a row again, in doubt, after its lease has
--- expired. The first answer of a call counts; later ones are counted as extra.
---
--- A process that was stopped may wake when others have claimed its calls. So a call is sent at
--- most VALID of a lease after it was claimed or renewed, on the monotonic clock. A process that
--- renews too late goes on under another owner name, and does not renew what it may have lost.

local claims = require("novita.batch.claims")
local core = require("novita.core")
local counts = require("novita.batch.counts")
local tables = require("novita.tables")

local leases = {}

local LEASE = 60 -- seconds
local VALID = 0.8 -- share of a lease: statements take time, and clocks differ in rate
local RENEWALS = 4 -- in a lease

local FROM = [[from call c join item i on i.batch = c.batch and i.id = c.id and i.key = c.key
  where c.batch = $1 ]]
local CANDIDATES = "select " .. claims.COLUMNS .. " " .. FROM
local WAITING = CANDIDATES .. [[and c.state = 'waiting' and c.n > $2
  order by c.n limit $3 for update of c skip locked]]
local EXPIRED = CANDIDATES .. [[and c.state = 'sent' and c.remote is null and c.lease < {now}
  and c.n > $2 order by c.n limit $3 for update of c skip locked]]
local IN_FLIGHT = "select count(*) " .. FROM .. [[and c.state = 'sent' and c.remote is null
  and c.owner <> $2 and (c.lease >= {now} or $3 = 'send')]]

local OWNERS = [[select distinct owner from call
  where batch = $1 and state = 'sent' and lease >= {now} order by owner]]

-- One process at a time counts what is left of a budget.
local GUARD = "select pg_advisory_xact_lock(hashtext('novita budget'), $1::integer)"
local OTHERS = [[select model, cast(sum(prompt_estimate) as bigint),
  cast(sum(completion_estimate) as bigint) from call where batch = $1 and state = 'sent'
  and owner <> $2 and (lease >= {now} or remote is not null) group by model]]

local SEND = [[update call set state = 'sent', owner = $2, lease = {now} + $3, sends = sends + 1,
  doubts = doubts + case when state = 'sent' then 1 else 0 end, sent_at = {now}, remote = null
  where n = any (string_to_array($1, ',')::bigint[])]]
local RENEW = [[update call set lease = {now} + $3
  where batch = $1 and state = 'sent' and owner = $2]]
local RELEASE = [[update call set state = 'waiting', sends = sends - 1
  where n = $1 and state = 'sent' and owner = $2]]

local LEAVE = "update call set lease = {now} where n = $1 and state = 'sent' and owner = $2"

local RESULT = [[update call set state = $3, owner = $2, ended_at = {now}, attempts = $4,
  status = $5, request_id = $6, prompt_tokens = coalesce(prompt_tokens + $7, $7, prompt_tokens),
  completion_tokens = coalesce(completion_tokens + $8, $8, completion_tokens),
  usd = coalesce(usd + $9, $9, usd), error = $10
  where n = $1 and ]]
local DONE = RESULT .. "state <> 'done'" -- also if another process has claimed it
local FAILED = RESULT .. "state = 'sent' and owner = $2"
local EXTRA = [[update call set extra = extra + 1,
  prompt_tokens = coalesce(prompt_tokens, 0) + $3,
  completion_tokens = coalesce(completion_tokens, 0) + $4, usd = usd + $5
  where n = $1 and owner <> $2]]

-- Failures of earlier runs, not those of a run in progress.
local RETRY_FAILED = [[update call set state = 'waiting' where batch = $1 and state = 'failed'
  and not exists (select 1 from call where batch = $1 and state = 'sent' and lease >= {now})]]

---@class novita.BatchLeases: novita.BatchClaims
---@field base string the name of this process
---@field seconds number of a lease
---@field in_doubt "send"|"hold"
---@field budget? novita.BatchBudget of the run
---@field lapses integer how often it renewed too late
---@field renewed number the monotonic time of the last renewal
local methods = tables.merged(claims.methods, { is_shared = true })
local mt = { __name = "novita.batch.leases", __index = methods }

-- Adds the claims that a statement finds to a list.
local function select_into(self, list, sql, after, count)
  local rows, err = self.store:query(sql, self.batch, after, count - #list)
  if not rows then return nil, err end
  return claims.add(self.store, rows, list)
end

-- Selects waiting calls after the last claimed one, else from the start; then expired ones.
local function candidates(self, count)
  local list, err = select_into(self, {}, WAITING, self.last, count)
  if list and not list[1] and self.last > 0 then
    list, err = select_into(self, list, WAITING, 0, count)
  end
  if list and #list < count and self.in_doubt ~= "hold" then
    list, err = select_into(self, list, EXPIRED, 0, count)
  end
  return list, err
end

-- Returns whether other processes have calls in flight, whose leases may expire.
local function is_pending(self)
  local rows, err = self.store:query(IN_FLIGHT, self.batch, self.owner, self.in_doubt)
  if not rows then return nil, err end
  return rows[1][1] > 0
end

-- Counts in the budget what all processes have used, and what their calls in flight may use.
local function refresh(self)
  local done, err = self.store:query(GUARD, self.batch)
  if not done then return nil, err end
  local rows, used
  used, err = counts.used(self.store, self.batch)
  if used then rows, err = self.store:query(OTHERS, self.batch, self.owner) end
  if not rows then return nil, err end
  local groups = {}
  for index, row in ipairs(rows) do
    groups[index] = { model = row[1], prompt = row[2], completion = row[3] }
  end
  self.budget:refresh(used, groups)
  return true
end

--- Claims the next calls, as many as fit.
---@param count integer
---@param fit fun(claims: novita.BatchClaim[]): integer
---@return novita.BatchClaim[]? claims with `pending`; nil on failure
---@return novita.Error? err
function methods:take(count, fit)
  if count == 0 then return {} end
  local started = core.now()
  if self.budget and self.budget:is_limited() then
    local known, problem = refresh(self)
    if not known then return nil, problem end
  end
  local list, err = candidates(self, count)
  if not list then return nil, err end
  list.more = #list > 0
  for index = #list, fit(list) + 1, -1 do list[index] = nil end
  if not list[1] then
    list.pending, err = is_pending(self)
    return list.pending ~= nil and list or nil, err
  end
  local numbers = {}
  for index, claim in ipairs(list) do
    numbers[index], claim.owner, claim.at = claim.n, self.owner, started
  end
  local done
  done, err = self.store:query(SEND, table.concat(numbers, ","), self.owner, self.seconds)
  return done and list, err
end

--- Writes down what came of a call, but for its answer and its doubts. The first answer counts, a
--- later one as extra.
---@param outcome novita.BatchOutcome
---@return boolean? ended has this outcome ended the call? nil on failure
---@return novita.Error? err
function methods:finish(outcome)
  local store, owner = self.store, outcome.owner
  local rows, err
  if outcome.state == "waiting" or outcome.state == "sent" then
    rows, err = store:query(outcome.state == "waiting" and RELEASE or LEAVE, outcome.n, owner)
    return rows and false, err
  end
  rows, err = store:query(outcome.state == "done" and DONE or FAILED, outcome.n, owner,
    outcome.state, outcome.attempts, outcome.status, outcome.request_id, outcome.prompt_tokens,
    outcome.completion_tokens, outcome.usd, outcome.error)
  if rows and rows.changed == 0 and (outcome.state == "done" or outcome.prompt_tokens) then
    local extra
    extra, err = store:query(EXTRA, outcome.n, owner, outcome.prompt_tokens or 0,
      outcome.completion_tokens or 0, outcome.usd or 0)
    return extra and false, err
  end
  return rows and rows.changed > 0, err
end

--- Renews the leases of this process, RENEWALS times in their duration.
---@return true? done nil on failure
---@return novita.Error? err
function methods:renew()
  local now = core.now()
  if now < self.renewed + self.seconds / RENEWALS then return true end
  if now > self.renewed + VALID * self.seconds then -- others may have claimed its calls
    self.lapses = self.lapses + 1
    self.owner = self.base .. " " .. self.lapses
  else
    local done, err = self.store:query(RENEW, self.batch, self.owner, self.seconds)
    if not done then return nil, err end
  end
  self.renewed = now
  return true
end

--- Names the processes that have calls in flight.
---@return string? names
function methods:running()
  local names = {}
  for index, row in ipairs(self.store:query(OWNERS, self.batch) or {}) do names[index] = row[1] end
  return names[1] and table.concat(names, "; ")
end

--- Returns the error of a claim whose lease may have expired. Checked before each attempt.
---@param claim novita.BatchClaim
---@return novita.Error? err of kind cancelled; nil if the call may be sent
function methods:refusal(claim)
  local since = math.max(claim.at, claim.owner == self.owner and self.renewed or claim.at)
  if core.now() <= since + VALID * self.seconds then return nil end
  return core.error { kind = "cancelled", message = "another process may have claimed the call" }
end

--- Makes ready what earlier runs have left: failures, where they are not kept. Calls in doubt are
--- claimed when their leases expire.
---@param hold boolean calls in doubt stay as they are
---@param keep_failures boolean
---@return true? done nil on failure
---@return novita.Error? err
function methods:resume(hold, keep_failures)
  self.in_doubt, self.renewed = hold and "hold" or "send", core.now()
  if keep_failures then return true end
  local rows, err = self.store:query(RETRY_FAILED, self.batch)
  return rows and true, err
end

--- The calls of a batch on a server.
---@param store novita.Store
---@param batch integer the number of the batch in its store
---@param seconds? number of a lease
---@return novita.BatchLeases? leases nil on failure
---@return novita.Error? err
function leases.new(store, batch, seconds)
  local rows, err = store:query([[select current_setting('application_name')
    || coalesce(' at ' || host(inet_client_addr()), '')]])
  if not rows then return nil, err end
  local base = ("%s, %06x"):format(rows[1][1], math.floor(core.random() * 2 ^ 24))
  return setmetatable({
    store = store, batch = batch, base = base, owner = base, last = 0, lapses = 0,
    seconds = seconds or LEASE, renewed = core.now(),
  }, mt)
end

return leases
