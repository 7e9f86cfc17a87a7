-- Workflows for specs: a store for each test, by SQLite and by PostgreSQL; the shared simulator.
--
--   for _, engine in ipairs(flows.engines) do
--     describe("a run, by " .. engine.name, function()
--       flows.with(engine)                     a store of its own for each test
--       local flow = flows.flow(function(run, trigger) ... end, options)

local busted = require("busted")
local luassert = require("luassert")

local novita = require("novita")

local database = require("spec.support.database")
local files = require("spec.support.files")
local postgres = require("spec.support.postgres")
local simulator = require("spec.support.simulator_client")

local flows = { MODEL = "simulator/echo" }

local sqlite = { name = "SQLite" }

function sqlite.address()
  sqlite.dir = sqlite.dir or files.folder()
  return sqlite.dir .. "/runs.db"
end

function sqlite.clear()
  if sqlite.dir then os.execute("rm -r " .. sqlite.dir) end
  sqlite.dir = nil
end

local pg = { name = "#postgres" }

function pg.setup() pg.server = postgres.shared() end

function pg.address()
  return ("postgresql://spec@/postgres?host=%s"):format(pg.server.dir)
end

function pg.clear() database.postgres.clear() end

flows.engines = { sqlite, pg }
flows.sqlite = sqlite

local engine, store

--- Gives each test of a describe block an empty store, and a simulator without a journal.
---@param wanted table? one of flows.engines; SQLite by default
function flows.with(wanted)
  wanted = wanted or sqlite
  busted.setup(function()
    if wanted == pg then database.postgres.setup() end
    if wanted.setup then wanted.setup() end
    simulator.shared()
  end)
  busted.before_each(function()
    engine = wanted
    simulator.shared():reset()
  end)
  busted.after_each(function()
    if store then store:close() end
    store = nil
    wanted.clear()
  end)
end

--- The address of the test's store.
---@return string
function flows.address() return engine.address() end

--- The test's store.
---@param options? table
function flows.store(options)
  store = store or assert(novita.store(engine.address(), options))
  return store
end

--- The options of a flow in the test's store, whose calls try once.
---@param more? table
---@return table
function flows.options(more)
  local all = {
    store = flows.store(), base_url = simulator.shared().url, api_key = "sk_spec", retry = "none",
  }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

--- A flow in the test's store.
---@param what function|table
---@param more? table options
function flows.flow(what, more)
  return assert(novita.workflow("spec", what, flows.options(more)))
end

--- A request that the simulator answers with the message.
---@param message string
---@return table
function flows.ask(message)
  return { model = flows.MODEL, message = message }
end

--- The last messages of the requests in the simulator's journal, in their order.
---@return string[]
function flows.asked()
  local list = {}
  for index, entry in ipairs(simulator.shared():journal()) do
    local messages = novita.json.decode(entry.body).messages
    list[index] = messages[#messages].content
  end
  return list
end

--- What stands in a log: "classify sent", "draft[2] reused" ...
---@param record table
---@param pass? integer
---@return string[]
function flows.told(record, pass)
  local list = {}
  for _, entry in ipairs(record.log) do
    if not pass or entry.pass == pass then
      local item = entry.item and ("[%d]"):format(entry.item) or ""
      list[#list + 1] = ("%s%s %s"):format(entry.step, item, entry.state)
    end
  end
  return list
end

--- The plan of a run; nothing is sent or kept.
---@param flow table
---@param trigger? table
---@return table
function flows.plan(flow, trigger)
  local plan = assert(flow:plan(trigger))
  luassert.same({}, flows.asked())
  luassert.same({}, flows.store():runs())
  return plan
end

--- What stands in a plan, steps and what they would ask: "a chat First", "b[1] chat" ...
---@param plan table
---@return string[]
function flows.planned(plan)
  local list = {}
  for index, entry in ipairs(plan.steps) do
    local item = entry.item and ("[%d]"):format(entry.item) or ""
    local asks = entry.input and entry.input.messages and entry.input.messages[1].content
    local needs = entry.needs and "needs " .. table.concat(entry.needs, ",")
    list[index] = table.concat({ entry.step .. item, entry.kind, asks or needs }, " ")
  end
  return list
end

--- Why a list of steps is refused.
---@param steps table
---@param options? table
---@return string message
function flows.refusal(steps, options)
  local flow, err = novita.workflow("spec", steps, flows.options(options))
  luassert.is_nil(flow)
  luassert.equal("config", err.kind)
  return err.message
end

return flows
