-- The limit that machines share, over SQLite in memory, with a clock of its own: in any minute no
-- more than the limit is sent, and it is used up.

local limit = require("novita.limit")
local limits = require("spec.support.limits")
local quota = require("spec.support.quota")
local generator = require("spec.support.random")

local MINUTES = 3
describe("a limit in a store", function()
  local world, store

  limits.with(function(...) world, store = ... end)

  -- What was sent in the fullest stretch of so many seconds.
  local function fullest(log, seconds, what)
    local most, sum, first = 0, 0, 1
    for _, entry in ipairs(log) do
      sum = sum + entry[what]
      while log[first].at < entry.at - seconds do
        sum = sum - log[first][what]
        first = first + 1
      end
      most = math.max(most, sum)
    end
    return most
  end

  -- Four processes of eight tasks each call for some minutes; returns what was sent when.
  local function use(options, size_of)
    local log, random = {}, generator(7)
    for _ = 1, 4 do
      local given = {}
      for name, value in pairs(options) do given[name] = value end
      local process = limits.limiter(given)
      for _ = 1, 8 do
        world.spawn(function()
          while world.now() < MINUTES * 60 do
            local size = size_of(random)
            local permit = assert(process:acquire(size, limits.wait()))
            log[#log + 1] = { at = world.now(), tokens = size, calls = 1 }
            world.sleep(0.1 + random())
            permit:finish({ usage = { total_tokens = size } })
          end
        end)
      end
    end
    world.run()
    return log
  end

  local function total(log, what)
    local sum = 0
    for _, entry in ipairs(log) do sum = sum + entry[what] end
    return sum
  end

  for _, rpm in ipairs { 1, 2, 7, 60, 61, 90, 600 } do
    it(("sends %d requests a minute, and no more in any"):format(rpm), function()
      local log = use({ rpm = rpm }, function() return 0 end)
      assert.is_true(fullest(log, 60, "calls") <= rpm, fullest(log, 60, "calls"))
      assert.is_true(fullest(log, 5, "calls") <= math.max(1, math.ceil(rpm * 6 / 61)))
      assert.is_true(total(log, "calls") >= math.floor(MINUTES * rpm * 0.97))
    end)
  end

  local LOADS = {
    ["small calls"] = { size = function() return 100 end, share = 0.95 },
    ["calls of the same size"] = { size = function() return 4000 end, share = 0.85 },
    ["calls of any size"] = { size = function(random) return math.ceil(3000 * random()) end,
      share = 0.85 },
    ["small calls and few large ones"] = { size = function(random)
      return random() < 0.02 and 20000 or 100
    end, share = 0.6 },
    ["calls of more than half a minute's"] = { size = function(random)
      return random() < 0.3 and 30000 or 15000
    end, share = 0.3 },
  }
  for name, load in pairs(LOADS) do
    it("sends tokens, and in no minute more: " .. name, function()
      local log = use({ tpm = 36000 }, load.size)
      assert.is_true(fullest(log, 60, "tokens") <= 36000, fullest(log, 60, "tokens"))
      assert.is_true(total(log, "tokens") >= MINUTES * 36000 * load.share,
        total(log, "tokens") / MINUTES / 36000)
    end)
  end

  it("keeps what servers that count a minute in three ways allow", function()
    for model, server in pairs(quota) do
      local admit = server(600, 60000, 17)
      for _, entry in ipairs(use({ rpm = 600, tpm = 60000 }, function() return 100 end)) do
        assert.is_true(admit(entry.at, entry.tokens), model)
      end
    end
  end)

  local function row()
    local rows = assert(store:query("select request_at - {now}, token_at - {now}, token_most, "
      .. "resume_at - {now} from limits"))
    return rows[1]
  end

  local run = limits.run

  it("counts the tokens that were used, once they are known", function()
    run(function()
      local process = limits.limiter { tpm = 6000 }
      local permit = assert(process:acquire(600, limits.wait()))
      local before = row()[2]
      assert.is_true(before > 6)
      permit:finish({ usage = { total_tokens = 60 } })
      assert.is_true(math.abs(row()[2] - before / 10) < 1e-6)
      permit = assert(process:acquire(600, limits.wait()))
      before = row()[2]
      permit:correct(0)
      assert.is_true(row()[2] < before)
    end)
  end)

  it("pauses all after a 429", function()
    local one, two = limits.limiter { rpm = 600 }, limits.limiter { rpm = 600 }
    run(function()
      local permit = assert(one:acquire(nil, limits.wait()))
      permit:finish(nil, { status = 429, headers = { ["retry-after"] = "20" } })
      assert.are.equal(20, math.floor(row()[4] + 0.5))
      assert(two:acquire(nil, limits.wait()))
      assert.is_true(world.now() >= 20 and world.now() < 21)
    end)
  end)

  it("pauses all without a row, too", function()
    local one, two = limits.limiter { rpm = 600 }, limits.limiter { rpm = 600 }
    one:pause(5)
    run(function()
      assert(two:acquire(nil, limits.wait()))
      assert.is_true(world.now() >= 5 and world.now() < 6)
    end)
  end)

  it("waits no longer than a minute more where the clock of the database is set back", function()
    for _, options in ipairs { { rpm = 600 }, { rpm = 1 }, { rpm = 600, tpm = 6000 } } do
      local process = limits.limiter(options)
      assert(store:query("delete from limits"))
      world.spawn(function()
        assert(process:acquire(1000, limits.wait())):release()
        process:pause(5)
        limits.ahead = limits.ahead - 86400
        local before = world.now()
        assert(process:acquire(1000, limits.wait())):release()
        assert(process:acquire(1000, limits.wait())):release()
        assert.is_true(world.now() < before + 5 + 2 * 61 + 62, world.now() - before)
      end)
      world.run()
      assert.is_true(row()[4] <= 0)
    end
  end)

  it("sends none whose place has passed while its process was stopped", function()
    local process = limits.limiter { rpm = 60 }
    local sent = {}
    local query = store.query
    function store.query(...)
      local rows, err = query(...)
      if sent.stop then
        sent.stop = nil
        world.sleep(10) -- after the database has answered
      end
      return rows, err
    end
    run(function()
      assert(process:acquire(nil, limits.wait()))
      sent.stop = true
      assert(process:acquire(nil, limits.wait()))
      assert.is_true(world.now() > 10)
      local due = row()[1]
      assert.is_true(due > 0.9, due) -- another place was taken
    end)
  end)

  it("puts back what it knows of a row that a crash took", function()
    local process = limits.limiter { rpm = 6, tpm = 6000 }
    run(function()
      assert(process:acquire(1000, limits.wait()))
      local before = row()
      assert(store:query("delete from limits"))
      assert(process:acquire(1000, limits.wait()))
      assert.is_true(world.now() >= 60 / 6 and before[1] > 10)
    end)
  end)

  it("has a row a key", function()
    run(function()
      for _, key in ipairs { "a", "b", "a" } do
        assert(limits.limiter({ rpm = 600, key = key }):acquire(nil, limits.wait()))
      end
    end)
    assert.are.equal(2, store:query("select count(*) from limits")[1][1])
  end)

  it("keeps what is of each process beside it", function()
    run(function()
      local process = limits.limiter { rpm = 600, concurrency = 1, queue = 0 }
      assert(process:acquire(nil, limits.wait()))
      assert.are.equal("queue_full", select(2, process:acquire(nil, limits.wait())).kind)
    end)
  end)

  it("has a burst of its own, and a store", function()
    assert.has_error(function() limits.limiter { rpm = 600, burst = 10 } end)
    assert.has_error(function() limit.new({ rpm = 600, store = "a.db" }, limits.env()) end)
    assert.has_error(function() limit.new({ rpm = 600, key = 5 }, limits.env()) end)
  end)
end)
