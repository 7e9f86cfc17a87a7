-- The limit that workers share, over a pure table in place of nginx's, and a clock of its own.

describe("a shared limit", function()
  local shared, now, worker, cells

  local dict = {
    incr = function(_, name, value, initial, seconds)
      local cell = cells[name]
      if cell and cell.till <= now then cell = nil end
      if not cell and not initial then return nil, "not found" end
      cell = cell or { value = initial, till = now + seconds }
      cell.value = cell.value + value
      cells[name] = cell
      return cell.value
    end,
    get = function(_, name)
      local cell = cells[name]
      return cell and cell.till > now and cell.value or nil
    end,
    set = function(_, name, value, seconds)
      cells[name] = { value = value, till = now + seconds }
    end,
  }

  local env = {
    now = function() return now end,
    time = function() return now end,
    random = function() return 0.5 end,
    error = function(fields) return fields end,
  }

  local waiting = {
    sleep = function(seconds) now = now + seconds end,
  }

  setup(function()
    rawset(_G, "ngx", {
      shared = { limits = dict },
      worker = { count = function() return 2 end, id = function() return worker end },
    })
    package.loaded["novita.limit.shared_window"] = nil
    shared = require("novita.limit.shared_window")
    rawset(_G, "ngx", nil)
  end)

  before_each(function() now, worker, cells = 1000, 0, {} end)

  local function limiter(options) return shared.new("limits", options, env) end

  -- What is used at which time by limiters that take turns, until some time.
  local function use(limiters, till, sizes)
    local log, count = {}, 0
    while now < till do
      count = count + 1
      worker = count % #limiters
      local size = sizes(count)
      local permit = assert(limiters[worker + 1]:acquire(size, waiting))
      log[#log + 1] = { at = now, size = size }
      permit:finish({ usage = { total_tokens = size } })
    end
    return log
  end

  local function most_in(log, seconds, amount)
    local most, sum, first = 0, 0, 1
    for _, entry in ipairs(log) do
      sum = sum + amount(entry)
      while log[first].at <= entry.at - seconds do
        sum = sum - amount(log[first])
        first = first + 1
      end
      most = math.max(most, sum)
    end
    return most
  end

  it("keeps requests of two workers within any minute, and uses most of it", function()
    local log = use({ limiter { rpm = 120 }, limiter { rpm = 120 } }, 1600, function() return 0 end)
    local function one() return 1 end
    assert.is_true(most_in(log, 60, one) <= 120)
    assert.is_true(#log >= 0.85 * 120 * 10, tostring(#log))
    assert.is_true(most_in(log, 10, one) <= 40) -- a pace, and no promise
  end)

  it("keeps tokens within any minute", function()
    local given = { tpm = 60000, burst = 20 }
    local log = use({ limiter(given), limiter(given), limiter(given) }, 1600, function(count)
      return 100 + count * 7919 % 3000
    end)
    local used = most_in(log, 60, function(entry) return entry.size end)
    assert.is_true(used <= 60000, used)
    assert.is_true(used >= 50000, used)
  end)

  it("lets so many seconds' worth go at once, and no more within that time", function()
    for burst, most in pairs { [0] = 40, [3] = 40, [4] = 40, [5] = 60, [10] = 100, [60] = 600 } do
      now, cells = 1001.9, {} -- near the end of a slot
      local one, count = limiter { rpm = 600, burst = burst, queue = 0 }, 0
      local function all()
        while one:acquire(nil, waiting) do count = count + 1 end
        return count
      end
      assert.equal(most, all(), burst)
      now = 1002.1
      assert.equal(most, all(), burst)
    end
  end)

  it("lets what alone is more than a burst go when nothing else does", function()
    local one = limiter { tpm = 1000, burst = 0 }
    assert.is_truthy(one:acquire(900, waiting))
    assert.equal(1000, now)
    assert.is_truthy(one:acquire(100, waiting))
    assert.is_true(now >= 1002)
  end)

  it("gives back what was not used, and takes what was used beyond", function()
    local given = { tpm = 1000, burst = 60, queue = 0 }
    local one, two = limiter(given), limiter(given)
    local permit = one:acquire(800, waiting)
    assert.equal("queue_full", select(2, two:acquire(500, waiting)).kind)
    permit:finish({ usage = { total_tokens = 300 } })
    permit = assert(two:acquire(500, waiting))
    permit:finish({ usage = { total_tokens = 700 } })
    assert.equal("queue_full", select(2, one:acquire(1, waiting)).kind)
  end)

  it("takes all that a call needs, or nothing", function()
    local one = limiter { rpm = 60, tpm = 1000, burst = 60, queue = 0 }
    assert.is_truthy(one:acquire(1000, waiting))
    for _ = 1, 100 do assert.is_nil((one:acquire(10, waiting))) end
    now = now + 70
    for _ = 1, 50 do assert.is_truthy(one:acquire(1, waiting)) end
  end)

  it("is pressed by two at once to no more than it is", function()
    local granted = 0
    local get = dict.get
    local one, two = limiter { rpm = 60, queue = 0 }, limiter { rpm = 60, queue = 0 }
    local inside = false
    dict.get = function(self, name) -- the other one is always in between
      if not inside then
        inside = true
        if two:acquire(nil, waiting) then granted = granted + 1 end
        inside = false
      end
      return get(self, name)
    end
    for _ = 1, 20 do if one:acquire(nil, waiting) then granted = granted + 1 end end
    dict.get = get
    assert.is_true(granted <= 10, granted)
    assert.is_true(granted >= 8, granted)
  end)

  it("pauses all workers after a 429 of one", function()
    local one, two = limiter { rpm = 600 }, limiter { rpm = 600 }
    local permit = one:acquire(nil, waiting)
    permit:finish(nil, { status = 429, kind = "rate_limit", retry_after = 7 })
    worker = 1
    assert.is_truthy(two:acquire(nil, waiting))
    assert.is_true(now >= 1007, now)
  end)

  it("does not forget a longer pause of another worker", function()
    local one, two = limiter { rpm = 600 }, limiter { rpm = 600 }
    one:pause(20)
    worker = 1
    two:pause(5)
    assert.is_truthy(two:acquire(nil, waiting))
    assert.is_true(now >= 1020, now)
  end)

  it("is as many limits as there are keys", function()
    local a = limiter { rpm = 6, key = "a", queue = 0 }
    local b = limiter { rpm = 6, key = "b", queue = 0 }
    assert.is_truthy(a:acquire(nil, waiting))
    assert.is_nil((a:acquire(nil, waiting)))
    assert.is_truthy(b:acquire(nil, waiting))
  end)

  it("refuses what it does not know", function()
    assert.has_error(function() shared.new("none", { rpm = 1 }, env) end)
    assert.has_error(function() limiter { concurrency = 3 } end)
    assert.has_error(function() limiter { key = 3 } end)
  end)

  it("says so when the dictionary is full", function()
    local incr = dict.incr
    dict.incr = function() return nil, "no memory" end
    local ok, err = pcall(function() limiter({ rpm = 1 }):acquire(nil, waiting) end)
    dict.incr = incr
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find("no memory"))
  end)
end)
