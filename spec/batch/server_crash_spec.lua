-- Submissions that are killed at random moments: no row is lost, none is paid for twice.
-- NOVITA_SPEC_KILLS=200 for more of them.

local core = require("novita.core")
local socket = require("socket")

local batches = require("spec.support.batches")
local child = require("spec.support.child")
local native = require("spec.support.native")
local talk = require("spec.support.client")

local KILLS = tonumber(os.getenv("NOVITA_SPEC_KILLS") or 12)
local ROWS = 120

local PROGRAM = [[
local client = require("novita").new { base_url = %q, api_key = "sk_x", retry = "none" }
local batch = assert(client:batch { input = %q, output = %q,
  request = { model = "simulator/echo", message = "{{row.text}}" } })
assert(batch:submit { max_rows = 6 })
assert(batch:fetch { wait = true, interval = 0.001 })
]]

-- Runs the program and kills it after a moment, unless it has ended. Returns what it printed.
local function run_and_kill(place)
  local process = child.start(PROGRAM:format(batches.sim.url, place.input, place.output))
  socket.sleep(0.03 + 0.15 * core.random())
  native.kill(process.pid, "KILL")
  return process:finish()
end

-- How often the server has answered each row.
local function answered()
  local counts, client, query = {}, talk.client(), { limit = 100 }
  repeat
    local page = assert(client.batches:list(query))
    for _, batch in ipairs(page.data) do
      local file = batch.output_file_id
      local text = file ~= "" and assert(client.files:content(file)) or ""
      for id in text:gmatch('"custom_id":"(r%d+)"') do counts[id] = (counts[id] or 0) + 1 end
    end
    query.after = page.last_id
  until not page.has_more
  return counts
end

describe("a batch at the server that is killed again and again", function()
  local place

  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("has each row answered once", function()
    place:numbered(ROWS)
    for _ = 1, KILLS do assert.are.equal("", run_and_kill(place)) end
    local batch = place:batch {
      request = { model = "simulator/echo", message = "{{row.text}}" },
    }
    assert(batch:submit())
    assert(batch:fetch { wait = true, interval = 0 })
    local status, counts, texts = assert(batch:status()), answered(), place:texts()
    assert.are.same({ ROWS, {}, {} }, { status.done, status.paid_twice, status.in_doubt })
    for number = 1, ROWS do
      assert.are.equal(1, counts["r" .. number], number)
      assert.are.equal("text " .. number, texts["r" .. number])
    end
  end)
end)
