-- The limit that processes share, in a file and on a PostgreSQL server.

local child = require("spec.support.child")
local clock = require("spec.support.clock")
local core = require("novita.core")
local database = require("spec.support.database")
local engines = require("spec.support.stores")
local novita = require("novita")
local poll = require("novita.loop.poll")

local SECONDS_A_REQUEST = 61 / 1200
local SLACK = tonumber(os.getenv("NOVITA_SPEC_SLOWNESS")) or 1 -- seconds until all have started

for _, engine in ipairs(engines.engines) do
  describe("a limit shared by " .. engine.name, function()
    local store

    setup(engine.setup)
    before_each(function() store = engine.open() end)
    after_each(engine.clear)

    local function acquire(limiter)
      return assert(limiter:acquire(nil, { sleep = poll.sleep }))
    end

    it("is one for all processes", function()
      local processes, times = {}, {}
      for index = 1, 3 do
        processes[index] = child.start(([[
          local novita, core = require("novita"), require("novita.core")
          local limiter = novita.limit { rpm = 1200, store = assert(novita.store(%q)) }
          for _ = 1, 40 do
            novita.spawn(function()
              assert(limiter:acquire(nil, { sleep = require("novita.loop.poll").sleep }))
              print(("%%.6f"):format(core.now()))
            end)
          end
          novita.run()]]):format(engine.address()))
      end
      for _, process in ipairs(processes) do
        for time in process:finish():gmatch("[%d.]+") do times[#times + 1] = tonumber(time) end
      end
      table.sort(times)
      assert.are.equal(120, #times)
      for _, seconds in ipairs { 1, 2, 5 } do
        assert.is_true(clock.fullest(times, seconds) <= (seconds + 1) / SECONDS_A_REQUEST)
      end
      assert.is_true(times[120] - times[1] <= 120 * SECONDS_A_REQUEST + SLACK)
    end)

    it("pauses all after a 429", function()
      local one = novita.limit { rpm = 6000, store = store }
      local two = novita.limit { rpm = 6000, store = engine.open() }
      acquire(two):finish({})
      acquire(one):finish(nil, { status = 429, headers = { ["retry-after"] = "0.3" } })
      local started = core.now()
      acquire(two)
      assert.is_true(core.now() - started >= 0.25)
    end)
  end)
end

describe("a limit on a server, #postgres,", function()
  local engine = engines.postgres

  setup(engine.setup)
  after_each(engine.clear)

  it("outlasts a crash of the server, which empties its table", function()
    local store = engine.open()
    local limiter = novita.limit { tpm = 60000, store = store }
    assert(limiter:acquire(2000, { sleep = poll.sleep }))
    local due = store:query("select token_at from limits")[1][1]
    database.postgres.server:stop("immediate")
    database.postgres.server:resume()
    assert.are.equal(0, #store:query("select * from limits"))
    assert(limiter:acquire(1, { sleep = poll.sleep }))
    assert.is_true(store:query("select token_at from limits")[1][1] > due)
  end)
end)
