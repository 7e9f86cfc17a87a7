-- kill -9 at random moments of a run of a workflow, again and again: the result is in the end that
-- of a run without a crash, and no step is paid for twice but those in flight at a kill, all of
-- which the log names as lost.
--
-- NOVITA_CRASH_KILLS=100 NOVITA_CRASH_SEED=1 is what `make crash` sets.

local child = require("spec.support.child")
local core = require("novita.core")
local flows = require("spec.support.flows")
local native = require("spec.support.native")
local generator = require("spec.support.random")
local simulator = require("spec.support.simulator_client")

local KILLS = tonumber(os.getenv("NOVITA_CRASH_KILLS")) or 10
local SEED = tonumber(os.getenv("NOVITA_CRASH_SEED")) or os.time() % 100000
local ITEMS = 20

local FLOW = ([[
  local novita = require("novita")
  local function ask(text) return { model = "simulator/echo", message = text } end
  local flow = assert(novita.workflow("spec", function(run)
    local words, texts = {}, {}
    for number = 1, ITEMS do words[number] = "word " .. number end
    local first = run:chat("first", ask("first"))
    local list = run:each("each", words, ask("{{item}} of " .. first:text()), { concurrency = 4 })
    for number, reply in ipairs(list) do texts[number] = reply:text() end
    run:step("middle", #texts, function(count) return count end)
    local last = run:chat("last", ask("last")):text()
    return table.concat(texts, ",") .. last
  end, { store = os.getenv("STORE"), retry = "none" }))
  local record = assert(flow:retry(os.getenv("RUN")))
  print("result " .. tostring(record.result))
]]):gsub("ITEMS", ITEMS)

local function fail(format, ...)
  error(("seed %d: " .. format):format(SEED, ...), 0)
end

local function start(id)
  return child.start(FLOW, {
    STORE = flows.address(), RUN = id, NOVITA_BASE_URL = simulator.shared().url,
    NOVITA_API_KEY = "sk_spec",
  })
end

-- A run that is written down, for processes to run.
local function queue()
  return assert(flows.flow(function() end):start(nil, { queue = true })).id
end

-- How often each message was sent.
local function sent()
  local counts = {}
  for _, text in ipairs(flows.asked()) do counts[text] = (counts[text] or 0) + 1 end
  return counts
end

-- How often each message was in flight at a kill, by the log.
local function lost(record)
  local counts, total = {}, 0
  for _, entry in ipairs(record.log) do
    if entry.state == "lost" and entry.kind == "chat" then
      local text = entry.input.messages[1].content
      counts[text], total = (counts[text] or 0) + 1, total + 1
    end
  end
  return counts, total
end

local function check(id, result, totals)
  local record = assert(flows.store():run(id, { content = true }))
  if record.result ~= result then fail("the result is %s", tostring(record.result)) end
  local named, in_flight = lost(record)
  local calls = 0
  for text, count in pairs(sent()) do
    calls = calls + count
    if count > 1 + (named[text] or 0) then fail("%q was sent %d times", text, count) end
  end
  if calls > ITEMS + 2 + in_flight then fail("%d calls, %d were lost", calls, in_flight) end
  totals.extra, totals.runs = totals.extra + calls - ITEMS - 2, totals.runs + 1
end

describe("a run that is killed", function()
  flows.with()

  before_each(function() simulator.shared():always { delay = 0.01 } end)

  it("at random moments loses nothing, and names what it may have paid twice", function()
    local random, totals = generator(SEED), { kills = 0, runs = 0, extra = 0 }
    local since = core.now()
    local result = start(queue()):finish():match("result (%C+)")
    local seconds = core.now() - since
    while totals.kills < KILLS do
      simulator.shared():reset()
      simulator.shared():always { delay = 0.01 }
      local id = queue()
      local how
      repeat
        local process = start(id)
        if totals.kills < KILLS then
          native.readable(-1, random() * seconds)
          native.kill(process.pid, "KILL")
        end
        local output
        output, how = process:finish()
        if how ~= "exit" then
          totals.kills = totals.kills + 1
        elseif not output:find("result ", 1, true)
          and not output:find(id .. " is done", 1, true) then -- the kill came after its end
          fail("%s", output)
        end
      until how == "exit"
      check(id, result, totals)
    end
    if os.getenv("NOVITA_CRASH_KILLS") then
      print(("\n%d kills of %d runs, seed %d: %d calls were paid twice, all named"):format(
        totals.kills, totals.runs, SEED, totals.extra))
    end
  end)
end)
