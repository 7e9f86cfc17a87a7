-- Six hundred requests and sixty thousand tokens a minute, against a simulator that enforces them.
-- Both clocks are faster by the same factor: at 30, the second by which the limiter's minute is
-- longer than the server's still covers 33 ms of delays on this machine, and 133 ms on a busy one.

local factories = require("novita.call.factories")
local clock = require("spec.support.clock")
local poll = require("novita.loop.poll")
local talk = require("spec.support.client")

local CLOCK = 30 / math.min(tonumber(os.getenv("NOVITA_SPEC_SLOWNESS")) or 1, 4)
local RPM, TPM = 600, 60000

-- Runs calls side by side until `seconds` of the fast clock have passed; counts what came of them.
local function run(loop, client, seconds, width, request)
  local stop, counts, workers = loop.now() + seconds, { ok = 0, lost = 0, tokens = 0 }, {}
  for index = 1, width do
    workers[index] = poll.spawn(function()
      while loop.now() < stop do
        local reply, err = client:chat(request)
        if reply then
          counts.ok = counts.ok + 1
          counts.tokens = counts.tokens + reply.usage.total_tokens
        else
          counts.lost, counts.err = counts.lost + 1, err
        end
      end
    end)
  end
  for _, worker in ipairs(workers) do worker:wait() end
  counts.refused = 0
  for _, entry in ipairs(talk.sim:journal()) do
    if entry.status == 429 then counts.refused = counts.refused + 1 end
  end
  return counts
end

local function words(count)
  return ("word "):rep(count)
end

describe("against a server that counts a minute's requests and tokens", function()
  local loop
  before_each(function()
    talk.sim:reset()
    talk.sim:limits { rpm = RPM, tpm = TPM, clock = CLOCK }
    loop = clock.fast(CLOCK)
  end)

  local SECONDS = 125

  it("at least 95 % of the requests are used, and none is refused", function()
    local limit = factories.limit({ rpm = RPM, tpm = TPM }, loop)
    local client = talk.client { loop = loop, limit = limit, retry = "none" }
    local counts = run(loop, client, SECONDS, 24, talk.request { max_tokens = 20 })
    assert.are.equal(0, counts.refused)
    assert.are.equal(0, counts.lost, tostring(counts.err))
    local used = counts.ok / (RPM * SECONDS / 60)
    assert.is_true(used >= 0.95, ("%.3f of the requests"):format(used))
    if os.getenv("NOVITA_SPEC_FIGURES") then print("requests used", used) end
  end)

  it("at least 95 % of the tokens are used, and none is refused", function()
    local limit = factories.limit({ rpm = RPM, tpm = TPM }, loop)
    local client = talk.client { loop = loop, limit = limit, retry = "none" }
    local request = talk.request { message = words(150), max_tokens = 300 } -- 300 of them used
    local counts = run(loop, client, SECONDS, 24, request)
    assert.are.equal(0, counts.refused)
    assert.are.equal(0, counts.lost, tostring(counts.err))
    local used = counts.tokens / (TPM * SECONDS / 60)
    assert.is_true(used >= 0.95, ("%.3f of the tokens"):format(used))
    if os.getenv("NOVITA_SPEC_FIGURES") then print("tokens used", used) end
  end)

  it("two clients that share the limit keep it together", function()
    local limit = factories.limit({ rpm = RPM, tpm = TPM }, loop)
    local clients = {}
    for index = 0, 1 do
      clients[index] = talk.client { loop = loop, limit = limit, retry = "none" }
    end
    local turn = 0
    local both = { chat = function(_, request)
      turn = 1 - turn
      return clients[turn]:chat(request)
    end }
    local counts = run(loop, both, 65, 16, talk.request { max_tokens = 20 })
    assert.are.equal(0, counts.refused)
    assert.are.equal(0, counts.lost, tostring(counts.err))
  end)

  for name, headers in pairs { ["that names a wait"] = "seconds", ["that names none"] = false } do
    it("a limit set too high means one pause for a burst of 429s " .. name, function()
      talk.sim:limits { rpm = RPM, tpm = TPM, clock = CLOCK, retry_after = headers or nil }
      local limit = factories.limit({ rpm = 2 * RPM, tpm = 2 * TPM, max_pause = 600 }, loop)
      local client = talk.client { loop = loop, limit = limit, retry = { attempts = 20 } }
      local counts = run(loop, client, 90, 24, talk.request { max_tokens = 20 })
      if os.getenv("NOVITA_SPEC_FIGURES") then
        print("too high", name, counts.ok, counts.refused, limit.throttle.count)
      end
      assert.are.equal(0, counts.lost, tostring(counts.err))
      assert.is_true(counts.refused > 0)
      assert.is_true(limit.throttle.count <= counts.refused)
    end)
  end
end)
