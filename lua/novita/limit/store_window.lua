--- A limit that processes and machines share, kept in one row of a store. A statement reserves a
--- place in time for a call, by the clock of the database, and the call waits until then.
--
-- `due` is the time when all reserved amounts are used up, at J seconds a token. For n tokens
--
--     place = max(now, due + (n - c) * J)         due' = max(due, place) + n * J
--
-- In any W seconds the calls use at most W + c * J seconds: the first has due' >= place + n * J,
-- each later one adds its own, and the last one is sent no earlier than its due' - c * J. With
-- J = W / (limit - c) that is the limit, for any c. c is the largest recent amount: a call of that
-- size waits no longer than the pace demands. If c grows from b, the place is (c - b) * J later,
-- because earlier calls went at the pace of b. c may shrink at any time.
--
-- W is a minute and LATE, since a call is sent at most that long after its place. c is at least the
-- amount of BURST seconds; with it the pace is 60/61 of the limit, as in window.lua. Requests are
-- amounts of 1; below 61 a minute they need no c, because their count is a whole number.
--
-- Places are at most AHEAD seconds away, so a process that is killed wastes little; for a later one
-- the call asks again. Only the front of the queue asks. A crash of the server empties the table:
-- the next process inserts the row with what it last read.
--
-- A row whose request is due later than that allows was written before the clock was set back; its
-- times are set back too, until that request is due in about a minute.

local misuse = require("novita.misuse")
local throttle = require("novita.limit.throttle")

local store_window = {}

local LATE = 0.3 -- seconds after its place at which a call may still be sent
local BURST = 0.7 -- seconds' worth that may be used at once
local MARGIN = LATE + BURST
local AHEAD = 1 -- seconds
local KEPT = 0.98 -- share of the largest amount that each later call keeps
local UNLIMITED = 1e15 -- tokens a minute, where there is no limit

local DEFAULT_KEY = "novita"

-- The place of a call, and the row after it is taken. $1 key, $2 tokens, $3 tokens a minute, $4
-- seconds a request.
local STATE = ([[select place - now as wait, next_resume - now as pause, per, most,
    {greatest}(due_request, place) + pace as next_request,
    {greatest}(due_token, place) + n * per as next_token,
    case when next_resume <= now and place <= now + AHEAD then 1 else 0 end as free,
    back, due_request, due_token, next_resume from (
  select *, {greatest}(now, due_request + {least}(pace - BURST, 0), due_token + (n - most) * per
    + {greatest}(most - before, 0) * WINDOW / (tpm - before)) as place from (
  select *, request_at - back as due_request, token_at - back as due_token,
    resume_at - back as next_resume from (
  select *, {greatest}(request_at - now - AHEAD - {greatest}(pace, WINDOW), 0) as back from (
  select *, {now} as now, WINDOW / (tpm - most) as per from (
  select *, {least}(token_most, tpm / 2) as before,
    {least}({greatest}(n, token_most * KEPT, tpm * BURST / (60 + MARGIN)), tpm / 2) as most from (
  select *, cast($2 as double precision) as n, cast($3 as double precision) as tpm,
    cast($4 as double precision) as pace
    from limits where key = $1 {for_update}) a) b) c) d) e) f]])
  :gsub("%u%u+", { AHEAD = AHEAD, BURST = BURST, KEPT = KEPT, MARGIN = MARGIN, WINDOW = 60 + LATE })

-- Takes it in the same statement, so that no network round trip passes while the row is locked.
local TAKE = "with s as (" .. STATE .. [[), taken as (
  update limits set request_at = case when free = 1 then next_request else due_request end,
    token_at = case when free = 1 then next_token else due_token end,
    token_most = case when free = 1 then most else token_most end, resume_at = next_resume from s
  where key = $1 and (free = 1 or back > 0) returning key) select * from s]]
local SAVE = "update limits set request_at = $2, token_at = $3, "
  .. "token_most = coalesce($4, token_most), resume_at = $5 where key = $1"

local INSERT = [[insert into limits (key, request_at, token_at, token_most, resume_at)
  values ($1, {greatest}({now}, $2), {greatest}({now}, $3), $4, 0) on conflict (key) do update set
  request_at = {greatest}(limits.request_at, excluded.request_at),
  token_at = {greatest}(limits.token_at, excluded.token_at)]]
local PAUSE = [[insert into limits (key, request_at, token_at, token_most, resume_at)
  values ($1, {now}, {now}, 0, {now} + $2) on conflict (key) do update set
  resume_at = {greatest}(limits.resume_at, excluded.resume_at)]]
local CORRECT = [[update limits set request_at = request_at + $2, token_at = token_at + $3
  where key = $1]]

---@class novita.StoreWindow: novita.Window
---@field store novita.Store
---@field env novita.LimitEnv
---@field key string
---@field pace number seconds a request
---@field limit number tokens a minute
---@field known { [1]: number?, [2]: number?, [3]: number? } next_request, next_token, most: as last
---  read
---@field resume number the end of the pause in the row, on the clock of this process
local methods = {}
local mt = { __name = "novita.window", __index = methods }

-- Writes what TAKE does: the place that was taken, or only that the clock was set back.
local function save(self, row)
  local request, token, most = row[9], row[10], nil
  if row[7] == 1 then request, token, most = row[5], row[6], row[4] end
  return self.store:query(SAVE, self.key, request, token, most, row[11])
end

-- Takes a place if it is near; returns the row of STATE in a list, which is empty without a row.
local function take(self, tokens)
  local store = self.store
  if store.kind == "postgres" then
    return store:query(TAKE, self.key, tokens, self.limit, self.pace)
  end
  return store:transaction(function()
    local rows, err = store:query(STATE, self.key, tokens, self.limit, self.pace)
    local row = rows and rows[1]
    if not row or row[7] == 0 and row[8] == 0 then return rows, err end
    local done
    done, err = save(self, row)
    return done and rows, err
  end)
end

-- Takes a place, and inserts the row first if it is missing. Returns the row of STATE.
local function take_or_insert(self, tokens)
  local rows, err = take(self, tokens)
  if not rows or rows[1] then return rows and rows[1], err end
  local known = self.known
  rows, err = self.store:query(INSERT, self.key, known[1] or 0, known[2] or 0, known[3] or tokens)
  if not rows then return nil, err end
  rows, err = take(self, tokens)
  return rows and rows[1], err
end

--- Reserves the place of a call that has none, or finds out when to ask again.
---@param waiter table gets `place`
---@return any err of the store
function methods:ask(waiter)
  if waiter.place and not waiter.place.again then return nil end
  local asked = self.env.now()
  local row, err = take_or_insert(self, waiter.tokens or 0)
  if err then return err end
  local now = self.env.now()
  if not row then -- another crash in between
    waiter.place = { at = now + AHEAD, again = true }
    return nil
  end
  local wait, pause = row[1], row[2]
  if pause > 0 then self.resume = now + pause end
  if row[7] == 0 then
    waiter.place = { at = now + math.max(wait - AHEAD, pause), again = true }
    return nil
  end
  self.known = { row[5], row[6], row[4] }
  waiter.place = {
    at = now + wait, till = asked + wait + LATE, per = row[3], tokens = waiter.tokens,
  }
end

--- Returns how long a call waits for its place, or until it asks again.
---@param _ number
---@param now number
---@param waiter table
---@return number seconds
function methods:wait(_, now, waiter) -- luacheck: ignore self
  return waiter.place and math.max(0, waiter.place.at - now) or 0
end

--- Uses the place of a call. Fails if the call has none, or is too late for it.
---@param _ number
---@param now number
---@param waiter table
---@return table? entry
function methods:take(_, now, waiter) -- luacheck: ignore self
  local place = waiter.place
  waiter.place = nil
  if not place or place.again or now > place.till then return nil end
  waiter.tokens, waiter.entry = place.tokens, place
  return place
end

-- Adds seconds to `due`. An error is ignored: without the correction the limit holds too.
local function correct(self, requests, tokens)
  self.store:query(CORRECT, self.key, requests, tokens)
end

--- Gives back a request.
---@param _ table
---@param difference number
function methods:correct(_, difference)
  correct(self, difference * self.pace, 0)
end

-- The window of tokens: its place is that of the request.
local function token_window(window)
  return {
    limit = window.limit,
    wait = function() return 0 end,
    take = function(_, _, _, waiter) return waiter.entry end,
    correct = function(_, entry, difference) correct(window, 0, difference * entry.per) end,
  }
end

-- The pause of all that share the limit. A process learns of a pause when one of its calls asks.
local function shared_pause(window)
  return {
    read = function() return window.resume end,
    write = function(resume, now) window.store:query(PAUSE, window.key, resume - now) end,
  }
end

--- Makes the parts of a limiter whose limit is kept in a store.
---@param given novita.LimitOptions
---@param env novita.LimitEnv
---@return table parts
function store_window.parts(given, env)
  if given.burst then
    misuse.raise("limit.burst: not with a store, where it is " .. BURST .. " seconds")
  end
  local window = setmetatable({
    store = given.store, key = given.key or DEFAULT_KEY, env = env,
    pace = given.rpm and (60 + MARGIN) / given.rpm or 0, limit = given.tpm or UNLIMITED,
    known = {}, resume = -math.huge,
  }, mt)
  return {
    requests = window, tokens = given.tpm and token_window(window),
    throttle = throttle.new(env, shared_pause(window)),
  }
end

return store_window
