-- Two promises over 1,000 random scripts of faults: no wait is shorter than what the server asked
-- for, and no more requests are sent than the policy says. Over sockets, in no time.

local clock = require("spec.support.clock")
local talk = require("spec.support.client")
local generator = require("spec.support.random")

local SCRIPTS, BATCH = 1000, 50

-- Each closes its connection, since libcurl sends a request anew by itself when a kept connection
-- breaks before the first byte.
local FAULTS = {
  { status = 429 }, { status = 500 }, { status = 503 }, { status = 408 }, { cut = 20 },
  { cut_head = 20 }, { status = 404 }, { status = 502, envelope = "html" },
  { status = 429, envelope = "B" }, { cut = 30, ending = "reset" }, { body = "{" }, {},
}

local function pick(random, list)
  return list[math.floor(random() * #list) + 1]
end

local function told(random)
  local kind = math.floor(random() * 5)
  local seconds = math.floor(random() * 130 * 8) / 8
  local whole = math.floor(seconds)
  if kind == 0 then return { ["Retry-After"] = ("%d"):format(whole) }, whole end
  if kind == 1 then return { ["retry-after-ms"] = ("%d"):format(seconds * 1000) }, seconds end
  if kind == 2 then return { ["Retry-After"] = ("%.3f"):format(seconds) }, seconds end
  return nil, 0
end

-- The steps for call `number`, with the wait that each asks for.
local function faults(random, number)
  local steps = {}
  for index = 1, 8 do
    local step = { match = "call " .. number .. ".", connection = "close" }
    for name, value in pairs(pick(random, FAULTS)) do step[name] = value end
    if step.status then step.headers, step.asks = told(random) end
    if random() < 0.1 then
      step.headers = step.headers or {}
      step.headers["x-should-retry"] = pick(random, { "true", "false" })
    end
    steps[index] = step
  end
  return steps
end

-- One call: the attempts it may make, and what it waited after each.
local function perform(random, number)
  local policy = { attempts = math.floor(random() * 6) + 1, initial_delay = random() }
  local loop, waits = clock.skipping(), {}
  policy.before = function(attempt, _, delay) waits[attempt] = delay end
  local deadline = random() < 0.3 and random() * 200 or nil
  local started = loop.now()
  local method = random() < 0.3 and "stream" or "chat"
  local client = talk.client { loop = loop, retry = policy, deadline = deadline }
  local value, info = client[method](client, talk.request { message = "call " .. number .. "." })
  if value and method == "stream" then
    value:reply()
    info = value.info
  end
  return {
    allowed = policy.attempts, waits = waits, slept = loop.slept, deadline = deadline,
    seconds = loop.now() - started, attempts = info and info.attempts,
  }
end

local function check(outcome, steps, sent)
  assert.is_true(sent <= outcome.allowed, sent .. " requests")
  if outcome.attempts then assert.are.equal(sent, #outcome.attempts) end
  local total = 0
  for index, wait in pairs(outcome.waits) do
    assert.is_true(wait >= (steps[index].asks or 0), ("%g s"):format(wait))
    total = total + wait
  end
  local slept = 0
  for _, seconds in ipairs(outcome.slept) do slept = slept + seconds end
  assert.is_true(slept >= total)
  if outcome.deadline then assert.is_true(outcome.seconds <= outcome.deadline + 0.5) end
end

describe("whatever goes wrong,", function()
  it("no wait is too short, and no attempt one too many", function()
    local random, requests, waited = generator(4), 0, 0
    for first = 1, SCRIPTS, BATCH do
      talk.sim:reset()
      local steps, all, outcomes, sent = {}, {}, {}, {}
      for number = first, first + BATCH - 1 do
        steps[number], sent[number] = faults(random, number), 0
        for _, step in ipairs(steps[number]) do all[#all + 1] = step end
      end
      talk.sim:script(all)
      for number = first, first + BATCH - 1 do outcomes[number] = perform(random, number) end
      for _, entry in ipairs(talk.sim:journal()) do
        local number = tonumber(entry.body:match("call (%d+)%."))
        sent[number] = sent[number] + 1
        requests = requests + 1
      end
      for number = first, first + BATCH - 1 do
        check(outcomes[number], steps[number], sent[number])
        for _ in pairs(outcomes[number].waits) do waited = waited + 1 end
      end
    end
    assert.is_true(requests > 1500 and waited > 500, requests .. " and " .. waited)
  end)
end)
