-- Limits in a store, by SQLite in memory, in virtual time.
--
--   local world, store
--   limits.with(function(...) world, store = ... end)
--   local limiter = limits.limiter({ rpm = 600 })
--   limits.run(function() limiter:acquire(nil, limits.wait()) end)
--   limits.failing = err                                 the store fails so, until it is nil
--   limits.ahead = -86400                                the clock of the database is set back

local busted = require("busted")

local limit = require("novita.limit")
local tasks = require("spec.support.tasks")
local words = require("novita.store.words")

local EPOCH = 1.7e9 -- what the clock of the database shows at 0

local limits = {}

local db, world, store

local function create()
  assert(db:query("drop table if exists limits"))
  assert(db:query([[create table limits (key text primary key, request_at double precision,
    token_at double precision, token_most double precision, resume_at double precision)]]))
  store = { kind = "sqlite" }
  function store.query(_, sql, ...)
    if limits.failing then return nil, limits.failing end
    local now = ("%.9f"):format(EPOCH + world.now() + limits.ahead)
    return db:query(words.sqlite((sql:gsub("{now}", now))), ...)
  end
  function store:transaction(fn) return fn(self) end
end

--- Gives each test a world with its clock at 0, and a store without limits.
---@param take? fun(world: table, store: table)
function limits.with(take)
  busted.setup(function() db = assert(require("novita.sqlite").open(":memory:")) end)
  busted.teardown(function() db:close() end)
  busted.before_each(function()
    world, limits.failing, limits.ahead = tasks.world(), nil, 0
    create()
    if take then take(world, store) end
  end)
end

--- What a limiter in the store stands on.
function limits.env()
  return {
    now = world.now, time = world.now, random = function() return 0 end,
    error = function(fields) return fields end,
  }
end

--- A limiter in the store of the test.
---@param options table
function limits.limiter(options)
  options.store = store
  return limit.new(options, limits.env())
end

--- What a waiting call stands on.
function limits.wait()
  return { sleep = world.sleep, task = world.task, wake = world.wake }
end

--- Runs a function as a task, to its end.
function limits.run(fn)
  world.spawn(fn)
  world.run()
end

return limits
