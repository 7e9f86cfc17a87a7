-- Other people's event loops drive a pool by its descriptor alone: the same calls, with the same
-- faults, come to the same ends as with pool:poll's own waiting. None of the loops looks at the
-- pool by itself: a wake-up that is lost leaves it waiting. (What the descriptor promises one by
-- one: spec/http/poller_descriptor_spec.lua.)

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local probe = core.pool()
local has_descriptor = probe:fd() ~= nil
probe:close()

local PATIENCE = 3 -- seconds in which something must happen while calls are under way
local CALLS, AT_ONCE = 120, 16

-- What happens to the calls in turn: its name is in the request, so that its step finds it.
local kinds = {
  { name = "plain" },
  { name = "slow", step = { delay = 0.02 } },
  { name = "flowing", step = { pace = 0.001 }, stream = true },
  { name = "crowded", step = { split = 7 }, stream = true },
  { name = "silent", step = { delay = 30 }, options = { first_byte_timeout = 0.03 } },
  { name = "stalled", step = { cut_pieces = 3, ending = "stall" }, stream = true,
    options = { idle_timeout = 0.03 } },
  { name = "cut", step = { cut = 40, ending = "reset" } },
  { name = "refused", refused = true },
  { name = "busy", step = { status = 503 } },
  { name = "abandoned", step = { delay = 30 }, cancel = true },
  { name = "late", step = { delay = 30 }, options = { deadline = 0.04 } },
}

local function script(sim)
  local steps = {}
  for _, kind in ipairs(kinds) do
    local step = { match = kind.name, uses = CALLS }
    for name, value in pairs(kind.step or {}) do step[name] = value end
    if kind.step then steps[#steps + 1] = step end
  end
  sim:script(steps)
end

local function begin(pool, index, refused)
  local kind = kinds[(index - 1) % #kinds + 1]
  local options = wire.options(kind.options)
  if kind.refused then options.base_url = refused end
  local transfer = assert(pool:chat({ model = "simulator/echo", stream = kind.stream,
    message = kind.name .. " " .. index }, options))
  return { index = index, kind = kind, transfer = transfer, chunks = 0 }
end

-- How a plain call ended, or nil if it has not.
local function look_at_plain(call)
  local reply, err = call.transfer:reply()
  if reply == nil and err == nil then return nil end
  return reply and reply.choices[1].message.content or err.kind .. " " .. tostring(err.reason)
end

local function look_at_stream(call)
  while true do
    local chunk, err = call.transfer:next()
    if chunk == nil then return nil end
    if not chunk then
      return err and err.kind .. " " .. tostring(err.reason) or call.chunks .. " chunks"
    end
    call.chunks = call.chunks + 1
  end
end

-- Starts all calls, some at a time, and lets `wait(pool)` wait for news. Returns how each ended,
-- and how often it waited.
local function run(pool, wait)
  local ends, calls, refused = {}, {}, simulator.refused()
  local started, open, waits = 0, 0, 0
  local function fill()
    while started < CALLS and open < AT_ONCE do
      started, open = started + 1, open + 1
      local call = begin(pool, started, refused)
      calls[call.transfer] = call
      if call.kind.cancel then call.transfer:cancel() end
    end
  end
  local function look(transfer)
    local call = calls[transfer]
    local ended = (call.kind.stream and look_at_stream or look_at_plain)(call)
    if not ended then return end
    ends[call.index], calls[transfer], open = ended, nil, open - 1
  end
  fill()
  while open > 0 do
    wait(pool)
    waits = waits + 1
    local transfer = pool:ready()
    while transfer do
      look(transfer)
      transfer = pool:ready()
    end
    fill()
  end
  return ends, waits
end

local function too_long()
  error("nothing woke the loop", 0)
end

local loops = {}

function loops.cqueues(pool)
  local cqueues = require("cqueues")
  local watched = { pollfd = pool:fd(), events = "r", timeout = PATIENCE }
  local before
  return function()
    before = core.now()
    cqueues.poll(watched)
    if core.now() - before > PATIENCE * 0.9 then too_long() end
    pool:poll(0)
  end
end

function loops.luv(pool)
  local uv = require("luv")
  local watch, timer = uv.new_poll(pool:fd()), uv.new_timer()
  local woken, expired = false, false
  watch:start("r", function()
    woken = true
    pool:poll(0)
  end)
  return function()
    woken, expired = false, false
    timer:start(PATIENCE * 1000, 0, function() expired = true end)
    while not (woken or expired) do uv.run("once") end
    if expired then too_long() end
  end, function()
    watch:stop()
    watch:close()
    timer:stop()
    timer:close()
    uv.run("nowait") -- 1.44 crashes at the end of the program without
  end
end

-- What a bare poll(2) does, and nothing else.
function loops.poll(pool)
  local native = require("spec.support.native")
  return function()
    if not native.readable(pool:fd(), PATIENCE) then too_long() end
    pool:poll(0)
  end
end

describe("a pool is driven by", function()
  if not has_descriptor then
    return pending("nobody else where there is no epoll")
  end

  local sim, expected

  setup(function()
    require("cqueues").poll(0) -- both keep descriptors of their own, once they have run
    require("luv").new_timer():close()
    require("luv").run("nowait")
    sim = simulator.shared()
    sim:reset()
    script(sim)
    local pool = core.pool()
    expected = run(pool, function() pool:poll(PATIENCE) end)
    pool:close()
  end)

  it("its own poll, to all these ends", function()
    local seen = {}
    for index = 1, #kinds do seen[kinds[index].name] = expected[index] end
    assert.are.same({
      plain = "plain 1", slow = "slow 2", flowing = seen.flowing, crowded = seen.crowded,
      silent = "timeout first_byte", stalled = "timeout idle", cut = seen.cut,
      refused = "connection connect", busy = seen.busy, abandoned = "cancelled nil",
      late = "timeout deadline",
    }, seen)
    assert.is_truthy(seen.flowing:find("^%d+ chunks$"), seen.flowing)
    assert.is_truthy(seen.cut:find("^connection"), seen.cut)
  end)

  for _, name in ipairs { "poll", "cqueues", "luv" } do
    it(name .. ", to the same ends", function()
      sim:reset()
      script(sim)
      local pool = core.pool()
      local wait, close = loops[name](pool)
      local ends, waits = run(pool, wait)
      assert.are.equal(0, (pool:poll(0)))
      if close then close() end
      pool:close()
      assert.are.same(expected, ends)
      assert.is_true(waits < CALLS * 40, waits)
    end)
  end
end)

it("pool:poll says whether anybody has news", function()
  local sim, pool = simulator.shared(), core.pool()
  sim:reset()
  sim:script { { delay = 0.02 } }
  assert.are.same({ 0, false }, { pool:poll(0) })
  local transfer = pool:chat(wire.request, wire.options())
  assert.are.same({ 1, false }, { pool:poll(0) })
  assert.are.same({ 0, true }, { pool:poll(2) })
  assert.are.equal(transfer, pool:ready())
  assert.are.same({ 0, false }, { pool:poll(0) })
  transfer:close()
  pool:close()
end)
