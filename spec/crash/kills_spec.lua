-- kill -9 at random moments of a batch, again and again: each run that follows opens the store and
-- goes on, nothing that was recorded is lost, the output is in the end that of a run without a
-- crash, and no call is paid for twice but those in flight at a kill, all of which are named.
--
-- NOVITA_CRASH_KILLS=200 NOVITA_CRASH_ROWS=300 NOVITA_CRASH_SEED=1 is what `make crash` sets.

local core = require("novita.core")
local native = require("spec.support.native")

local crash = require("spec.support.crash")
local generator = require("spec.support.random")

local KILLS = tonumber(os.getenv("NOVITA_CRASH_KILLS")) or 10
local ROWS = tonumber(os.getenv("NOVITA_CRASH_ROWS")) or 60
local SEED = tonumber(os.getenv("NOVITA_CRASH_SEED")) or os.time() % 100000
local MARGIN = 0.02 -- seconds behind the usual end of a run, in which kills may fall too

local function fail(format, ...)
  error(("seed %d: " .. format):format(SEED, ...), 0)
end

-- A run without a crash: its output and how long it takes.
local function reference()
  local place, since = crash.place(ROWS), core.now()
  local status, summary, output = place:run()
  local seconds = core.now() - since
  if status ~= 0 or not summary.complete then fail("without a crash: %s", output) end
  local written = place:written()
  place:remove()
  return written, seconds
end

-- Nothing that was recorded before is lost, or another.
local function check_recorded(before, now, kill)
  for id, answer in pairs(before.answers) do
    if now.answers[id] ~= answer then fail("kill %d: the answer of %s is lost", kill, id) end
  end
end

-- Every row that was paid for twice is named.
local function check_named(place, summary, in_flight)
  local counts, sum = place:paid()
  if sum > ROWS + in_flight then fail("%d calls, %d were in flight at kills", sum, in_flight) end
  local named = {}
  for _, id in ipairs(summary.paid_twice) do named[id] = true end
  for number, count in pairs(counts) do
    if count > 1 and not named["r" .. number] then fail("row %d was paid twice", number) end
  end
  for number = 1, ROWS do
    if not counts[number] then fail("row %d was not asked", number) end
  end
  return sum - ROWS
end

-- A batch that is killed at random moments until a run gets to its end; then it is checked.
local function torment(written, seconds, random, totals)
  local place = crash.place(ROWS)
  local recorded, in_flight = { answers = {} }, 0
  local status, summary, output
  repeat
    local process = place:start()
    if totals.kills < KILLS then
      native.readable(-1, random() * (seconds + MARGIN))
      native.kill(process.pid, "KILL")
    end
    status, summary, output = crash.finish(process)
    if not status then
      totals.kills = totals.kills + 1
      local now = place:recorded()
      check_recorded(recorded, now, totals.kills)
      recorded, in_flight = now, in_flight + #now.sent
    elseif status ~= 0 then
      fail("kill %d: the run after it ended with %d: %s", totals.kills, status, output)
    end
  until status
  if not summary.complete or summary.done ~= ROWS then fail("incomplete: %s", output) end
  if place:written() ~= written then fail("the output is another") end
  totals.extra = totals.extra + check_named(place, summary, in_flight)
  totals.batches = totals.batches + 1
  place:remove()
end

describe("a batch that is killed", function()
  it("at random moments loses nothing, and names what it may have paid twice", function()
    local random, totals = generator(SEED), { kills = 0, batches = 0, extra = 0 }
    local written, seconds = reference()
    while totals.kills < KILLS do torment(written, seconds, random, totals) end
    if os.getenv("NOVITA_CRASH_KILLS") then
      print(("\n%d kills of %d batches of %d rows, seed %d: %d calls were paid twice, all named")
        :format(totals.kills, totals.batches, ROWS, SEED, totals.extra))
    end
  end)
end)
