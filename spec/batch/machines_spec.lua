-- A batch that four processes run on one PostgreSQL server, while one is killed, one is stopped for
-- longer than its lease, and the server is restarted twice.

local child = require("spec.support.child")
local clock = require("spec.support.clock")
local core = require("novita.core")
local database = require("spec.support.database")
local engine = require("spec.support.stores").postgres
local files = require("spec.support.files")
local native = require("spec.support.native")
local novita = require("novita")
local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")

local ROWS, LEASE = 2000, 2
local RPM = tonumber(os.getenv("NOVITA_SPEC_RPM") or 6000)

local WORKER = [[
  local novita = require("novita")
  local store = assert(novita.store(%q))
  local batch = assert(novita.batch {
    name = "machines", store = store, input = %s, lease = %d, concurrency = 8,
    request = { model = "simulator/echo", message = "{{row.text}}" },
    limit = { rpm = %d, store = store, key = "machines" },
  })
  local summary = assert(batch:run())
  print(summary.complete, summary.stopped, summary.sent)]]

describe("a batch of several processes, #postgres,", function()
  local dir, sim, workers, server

  setup(function()
    engine.setup()
    server = database.postgres.server
  end)
  before_each(function()
    dir, workers = files.folder(), {}
    sim = simulator.start { journal = 10 * ROWS }
  end)
  after_each(function()
    sim:stop()
    engine.clear()
  end)

  local function write_input()
    local lines = {}
    for number = 1, ROWS do
      lines[number] = ('{"id":"r%d","text":"text %d"}\n'):format(number, number)
    end
    files.write(dir .. "/in.jsonl", table.concat(lines))
  end

  local function start(with_input)
    local input = with_input and ("%q"):format(dir .. "/in.jsonl") or "nil"
    local code = WORKER:format(engine.address(), input, LEASE, RPM)
    local worker = child.start(code, { NOVITA_BASE_URL = sim.url, NOVITA_API_KEY = "sk_spec" })
    workers[#workers + 1] = worker
    return worker
  end

  local function count(store, state)
    local rows = store:query("select count(*) from call where state = $1", state)
    return rows and rows[1][1] or 0
  end

  local function wait_for(store, least, state)
    local limit = core.now() + 50
    while count(store, state or "done") < least do
      assert(core.now() < limit, "timed out")
      poll.sleep(0.05)
    end
  end

  -- What the server was asked: its times, and how often each row was.
  local function asked()
    local times, counts = {}, {}
    for _, entry in ipairs(sim:journal()) do
      local text = entry.method == "POST" and entry.body and entry.body:match("text %d+")
      if text then
        times[#times + 1] = entry.received
        local id = "r" .. text:match("%d+")
        counts[id] = (counts[id] or 0) + 1
      end
    end
    table.sort(times)
    return times, counts
  end

  it("loses no row, writes none twice, keeps the limit, and names what it paid twice", function()
    write_input()
    sim:script { { delay = 0.25, uses = 100 * ROWS } }
    local store = engine.open()
    for _ = 1, 2 do start(true) end
    wait_for(store, 1, "sent") -- the input is read
    for _ = 3, 4 do start(false) end
    wait_for(store, ROWS * 0.15)
    native.kill(workers[4].pid, "KILL")
    wait_for(store, ROWS * 0.25)
    native.kill(workers[3].pid, "STOP")
    wait_for(store, ROWS * 0.35)
    server:stop("fast")
    server:resume()
    poll.sleep(2.5 * LEASE)
    native.kill(workers[3].pid, "CONT")
    wait_for(store, ROWS * 0.75)
    server:stop("immediate")
    server:resume()

    workers[4]:finish()
    for index = 1, 3 do
      local output = workers[index]:finish()
      assert.are.equal("true\tnil", output:match("^[^\t]*\t[^\t]*"), output)
    end

    local batch = assert(novita.batch {
      name = "machines", store = store, output = dir .. "/out.jsonl",
    })
    assert.are.equal(ROWS, assert(batch:export()))
    local number = 0
    for line in io.lines(dir .. "/out.jsonl") do
      number = number + 1
      local row = core.decode(line)
      assert.are.equal("r" .. number, row.custom_id)
      assert.are.equal("text " .. number, row.response.body.choices[1].message.content)
    end

    local status, twice = assert(batch:status()), {}
    for _, id in ipairs(status.paid_twice) do twice[id] = true end
    local times, counts = asked()
    for id, number_of in pairs(counts) do assert.is_true(number_of == 1 or twice[id], id) end
    assert.is_true(#times < ROWS + 4 * 8 + 40, #times)
    assert.is_true(clock.fullest(times, 60) <= RPM, clock.fullest(times, 60))
    assert.is_true(clock.fullest(times, 5) <= math.ceil(RPM * 6 / 61), clock.fullest(times, 5))
    if os.getenv("NOVITA_SPEC_FIGURES") then
      print(("%d calls, %d of them extra, %d answers extra; %d rows named; %d in 5 s, %.1f s")
        :format(#times, #times - ROWS,
          store:query("select cast(sum(extra) as bigint) from call")[1][1], #status.paid_twice,
          clock.fullest(times, 5), times[#times] - times[1]))
    end
  end)
end)
