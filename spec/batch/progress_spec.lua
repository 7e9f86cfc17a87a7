-- Progress: counts, the rate, the time that is left.

require("novita.loader")
local progress = require("novita.batch.progress")

local function counts(fields)
  local all = { total = 10, done = 2, failed = 1, waiting = 7 }
  for name, value in pairs(fields or {}) do all[name] = value end
  return all
end

describe("progress", function()
  it("counts what has ended, and what it has used", function()
    local self = progress.new(counts())
    self.status.active = 3
    self:count { state = "done", prompt_tokens = 3, completion_tokens = 4, usd = 0.5 }
    self:count { state = "failed" }
    self:count { state = "waiting" }
    local status = self.status
    assert.are.same({ 3, 2, 5, 0, 7, 0.5 }, { status.done, status.failed, status.waiting,
      status.active, status.tokens, status.usd })
    assert.are.equal(2, self.ended)
    assert.are.same({ prompt_tokens = 3, completion_tokens = 4, total_tokens = 7 }, self.usage)
    self:count { state = "done", prompt_tokens = 3, completion_tokens = 4 }
    assert.is_nil(status.usd)
  end)

  it("tells it at most ten times a second, and at the end", function()
    local told = 0
    local self = progress.new(counts(), function(status)
      told = told + 1
      assert.are.equal(10, status.total)
    end)
    for _ = 1, 100 do self:report() end
    assert.are.equal(0, told)
    self:report(true)
    assert.are.equal(1, told)
  end)

  it("knows the rate and the time that is left", function()
    local self = progress.new(counts { waiting = 100 })
    for _ = 1, 50 do self:count { state = "done" } end
    self.started, self.at = self.started - 5, self.at - 5
    self:report(true)
    local status = self.status
    assert.is_true(math.abs(status.rate - 10) < 0.1, status.rate)
    assert.is_true(math.abs(status.seconds_left - 5) < 0.1, status.seconds_left)
    self.started, self.at = self.started - 1000, self.at - 1000 -- nothing came for long
    self:report(true)
    assert.are.equal(0, status.rate)
    assert.is_nil(status.seconds_left)
  end)
end)
