-- The error of a limit whose store fails.

local limit = require("novita.limit")
local tasks = require("spec.support.tasks")
local words = require("novita.store.words")

local EPOCH = 1.7e9 -- what the clock of the database shows at 0

describe("a limit in a store", function()
  local db, world, store, failing

  setup(function() db = assert(require("novita.sqlite").open(":memory:")) end)
  teardown(function() db:close() end)

  before_each(function()
    world, failing = tasks.world(), nil
    assert(db:query("drop table if exists limits"))
    assert(db:query([[create table limits (key text primary key, request_at double precision,
      token_at double precision, token_most double precision, resume_at double precision)]]))
    store = { kind = "sqlite" }
    function store.query(_, sql, ...)
      if failing then return nil, failing end
      local now = ("%.9f"):format(EPOCH + world.now())
      return db:query(words.sqlite((sql:gsub("{now}", now))), ...)
    end
    function store:transaction(fn) return fn(self) end
  end)

  local function env()
    return {
      now = world.now, time = world.now, random = function() return 0 end,
      error = function(fields) return fields end,
    }
  end

  local function limiter(options)
    options.store = store
    return limit.new(options, env())
  end

  local function wait()
    return { sleep = world.sleep, task = world.task, wake = world.wake }
  end

  -- Runs a function as a task, to its end.
  local function run(fn)
    world.spawn(fn)
    world.run()
  end

  it("fails with the error of the store, and keeps its order", function()
    local process = limiter { rpm = 600 }
    run(function()
      failing = { kind = "store", reason = "full" }
      local permit, err = process:acquire(nil, wait())
      assert.are.same({ nil, failing }, { permit, err })
      failing = nil
      assert(process:acquire(nil, wait()))
    end)
    assert.are.equal(1, process.throttle.busy)
  end)
end)
