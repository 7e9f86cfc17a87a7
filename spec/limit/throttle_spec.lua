local throttle = require("novita.limit.throttle")

local WALL = 784111777 -- Sun, 06 Nov 1994 08:49:37 GMT

describe("a throttle", function()
  local now, self

  before_each(function()
    now = 100
    self = throttle.new {
      now = function() return now end,
      time = function() return WALL end,
      random = function() return 0 end, -- the longest
    }
  end)

  local function start() return self:start() end

  local function refuse(call, after)
    local headers = { ["retry-after"] = after }
    self:on_refusal(call, { kind = "rate_limit", status = 429, headers = headers })
    call.stop()
    return self.resume - now
  end

  it("lasts as long as the server says", function()
    assert.are.equal(7, refuse(start(), "7"))
    now = self.resume
    assert.are.equal(30, refuse(start(), "Sun, 06 Nov 1994 08:50:07 GMT"))
  end)

  it("grows from 1 to 60 seconds where the server says nothing", function()
    for _, seconds in ipairs { 1, 2, 4, 8, 16, 32, 60, 60 } do
      assert.are.equal(seconds, refuse(start(), "soon"))
      now = self.resume
    end
  end)

  it("starts over after a success of a call that it let through", function()
    local old = start()
    refuse(start())
    now = self.resume
    self:on_success(old) -- says nothing of now
    assert.are.equal(2, refuse(start()))
    now = self.resume
    local call = start()
    self:on_success(call)
    call.stop()
    assert.are.equal(1, refuse(start()))
  end)

  it("is one for a burst", function()
    local burst = {}
    for i = 1, 10 do burst[i] = start() end
    for i, call in ipairs(burst) do
      now = 100 + i / 20
      refuse(call)
    end
    assert.are.equal(1, self.count)
    assert.is_near(101.05, self.resume, 1e-9)
    assert.are.equal(1, self.level)
  end)

  it("is as long as the longest that a burst was told", function()
    local burst = { start(), start(), start() }
    refuse(burst[1], "5")
    now = 101
    assert.are.equal(9, refuse(burst[2], "9"))
    assert.are.equal(9, refuse(burst[3], "2"))
    assert.are.equal(1, self.count)
  end)

  it("is only lengthened by another within it", function()
    self:pause(5)
    now = 103
    self:pause(1)
    assert.are.same({ 1, 105 }, { self.count, self.resume })
    self:pause(4)
    assert.are.same({ 1, 107 }, { self.count, self.resume })
    now = 107
    self:pause(1)
    assert.are.same({ 2, 108 }, { self.count, self.resume })
  end)

  it("lets one go first, then more and more", function()
    assert.is_true(self:has_room())
    local others = {}
    for i = 1, 19 do others[i] = start() end
    refuse(start(), "1")
    local function room()
      local calls = {}
      while self:has_room() and #calls < 1000 do calls[#calls + 1] = start() end
      for _, call in ipairs(calls) do call.stop() end
      return #calls
    end
    for seconds, most in pairs { [0] = 1, [0.1] = 1, [2] = 10, [5] = 18, [10] = 20, [15] = 23,
        [20] = 40, [60] = 1000 } do
      now = 101 + seconds
      assert.are.equal(most, room())
    end
    for _, call in ipairs(others) do call.stop() end
    assert.are.equal(0, self.busy)
  end)

  it("forgets a call that was dropped", function()
    local function drop() start() end
    drop()
    local kept = start()
    collectgarbage()
    collectgarbage()
    assert.are.same({ 1, 1 }, { self.busy, self.fresh })
    kept.stop()
    kept.stop()
    assert.are.same({ 0, 0 }, { self.busy, self.fresh })
  end)

  it("does not count calls that are older than it towards the ramp", function()
    local old = { start(), start(), start() }
    refuse(start(), "1")
    now = 101
    local fresh = start()
    assert.is_false(self:has_room())
    for _, call in ipairs(old) do call.stop() end
    assert.is_false(self:has_room())
    fresh.stop()
    assert.is_true(self:has_room())
  end)
end)

describe("throttle.is_refusal", function()
  for _, case in ipairs {
    { true, { kind = "rate_limit", status = 429 } },
    { true, { status = 429 } },
    { true, { kind = "stream_error", status = 200, code = 429 } },
    { true, { kind = "stream_error", code = "429" } },
    { false, { kind = "server", status = 503 } },
    { false, { kind = "rate_limit", status = 429, code = "insufficient_quota" } },
    { false, {} },
  } do
    it("is " .. tostring(case[1]) .. " for " .. tostring(case[2].status or case[2].code), function()
      assert.are.equal(case[1], throttle.is_refusal(case[2]))
    end)
  end
end)
