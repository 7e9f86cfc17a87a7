-- What becomes of a batch whose disk is full, whose output can't be written, that is run twice at
-- once, stopped, or has another input or store than before: real processes of the command.

local core = require("novita.core")
local native = require("spec.support.native")

local crash = require("spec.support.crash")
local files = require("spec.support.files")

local output_of = require("spec.support.shell").output

local place

after_each(function() if place then place:remove() end end)

-- Starts a run, and waits until the server has so many calls of it.
local function start_until(calls)
  local process = place:start()
  assert(crash.sim:wait_for(function() return select(2, place:paid()) >= calls end))
  return process
end

local function lines_of(text)
  return select(2, (text or ""):gsub("\n", "\n"))
end

describe("a batch on a full disk", function()
  -- A batch in a file system of its own, which only this process sees.
  local PROGRAM = [[
    local novita = require("novita")
    local batch = assert(novita.batch { input = %q, output = "%s/out.jsonl", concurrency = 4,
      base_url = %q, api_key = "sk_spec", store_timeout = 0.1,
      request = { model = "simulator/echo", message = "{{row.text}}" } })
    local summary, err = batch:run()
    print(summary == nil, err.kind, err.reason, #batch:status().problems)
    assert(not batch:run()) -- it is full as before
    os.execute("mount -o remount,size=8m none '%s'")
    summary = assert(batch:run())
    print(summary.complete, summary.done, summary.lines)
  ]]

  it("says so, and goes on with the answers it has when there is room", function()
    place = crash.place(100)
    place:answer { answer = { content = ("x"):rep(3000) } }
    local disk, script = files.folder(), os.tmpname()
    files.write(script, PROGRAM:format(place.input, disk, crash.sim.url, disk))
    local said = output_of(("unshare %s sh -c \"mount -t tmpfs -o size=300k none '%s' && exec env "
      .. "LD_PRELOAD='%s' %s %s\" 2>&1"):format(
        output_of("id -u") == "0\n" and "-m" or "-rm", disk, os.getenv("NOVITA_PRELOAD") or "",
        os.getenv("NOVITA_LUA") or "lua5.4", script))
    assert.are.equal("true\tstore\tfull\t0\ntrue\t100\t100\n", said)
    assert.are.equal(100, select(2, place:paid()))
  end)
end)

describe("an output that can't be written", function()
  it("is an error before anything is sent", function()
    place = crash.place(3)
    place.output = place.dir .. "/none/out.jsonl"
    local status, _, output = place:run("--store", place.db)
    assert.are.equal(2, status, output)
    assert.is_truthy(output:find("none", 1, true), output)
    assert.are.equal(0, select(2, place:paid()))
  end)

  it("at the end loses nothing that was paid for", function()
    place = crash.place(3, 0.2)
    local process = start_until(3)
    os.execute("mkdir '" .. place.output .. "'")
    local status, _, output = crash.finish(process)
    assert.are.equal(3, status, output)
    assert.is_truthy(output:find("out.jsonl", 1, true), output)
    assert.is_truthy(output:find("the answers are in the store, and export writes them", 1, true))
    assert.is_truthy(output:find("goes on once the output can be written", 1, true), output)
    os.execute("rmdir '" .. place.output .. "'")
    local summary
    status, summary = place:run()
    assert.are.same({ 0, true, 0, 3 }, { status, summary.complete, summary.sent, summary.lines })
    assert.are.equal(3, select(2, place:paid()))
  end)
end)

describe("a second run of a batch", function()
  it("names the process of the first, and may begin at once when that is killed", function()
    place = crash.place(3, 0.5)
    local process = start_until(3)
    local status, _, output = place:run()
    assert.are.equal(3, status, output)
    assert.is_truthy(output:find(tostring(process.pid), 1, true), output)
    assert.are.equal(3, select(2, place:paid()))
    native.kill(process.pid, "KILL")
    process:finish()
    local summary
    status, summary, output = place:run()
    assert.are.equal(0, status, output)
    assert.are.same({ true, 3, { "r1", "r2", "r3" } },
      { summary.complete, summary.done, summary.paid_twice })
  end)

  it("does not begin where the file of locks was deleted meanwhile", function()
    place = crash.place(40, 0.2)
    local process = start_until(1)
    os.remove(place.db .. ".lock")
    native.readable(-1, 0.5)
    local status, _, output = place:run()
    assert.are.same({ 3, tostring(process.pid) }, { status, output:match("process (%d+)") })
    local summary
    status, summary, output = crash.finish(process)
    assert.are.equal(0, status, output)
    assert.are.same({ 40, {} }, { summary.done, summary.paid_twice })
  end)

  it("ends the first, where that was deleted before, which saves what it has", function()
    place = crash.place(60, 0.2)
    local process = start_until(16)
    native.kill(process.pid, "STOP")
    os.remove(place.db .. ".lock")
    local second = place:start()
    assert(crash.sim:wait_for(function() return select(2, place:paid()) > 16 end))
    native.kill(process.pid, "CONT")
    local status, _, output = crash.finish(process)
    assert.are.same({ 3, tostring(second.pid) }, { status, output:match("process (%d+)") }, output)
    local summary
    status, summary, output = crash.finish(second)
    assert.are.equal(0, status, output)
    assert.are.equal(60, summary.done)
    assert.are.equal(60, select(2, place:paid()) - #summary.paid_twice)
  end)

  it("does not begin while the first is stopped, which then goes on", function()
    place = crash.place(40, 0.05)
    local process = start_until(1)
    native.kill(process.pid, "STOP")
    assert.are.equal(3, (place:run()))
    native.readable(-1, 0.3)
    native.kill(process.pid, "CONT")
    local status, summary, output = crash.finish(process)
    assert.are.equal(0, status, output)
    assert.are.same({ true, 40, 0 }, { summary.complete, summary.done, #summary.paid_twice })
    assert.are.equal(40, select(2, place:paid()))
  end)
end)

describe("an input that was edited between two runs", function()
  it("has what it changes sent, and nothing else", function()
    place = crash.place(6)
    assert.are.equal(0, (place:run()))
    local whole = place:written()
    place:rows {
      { id = "r2", text = "text 2" }, { id = "r1", text = "text 10" },
      { id = "r3", text = "text 3" }, { id = "new", text = "text 11" },
      { id = "r6", text = "text 6" },
    }
    local status, summary, output = place:run()
    assert.are.equal(0, status, output)
    assert.are.same({ 5, 2, 3 }, { summary.done, summary.sent, summary.reused })
    assert.are.same({
      r2 = "text 2", r1 = "text 10", r3 = "text 3", new = "text 11", r6 = "text 6",
    }, place:texts())
    place:numbered(6)
    status, summary = place:run()
    assert.are.same({ 0, 0, whole }, { status, summary.sent, place:written() })
  end)

  it("after a kill is read anew", function()
    place = crash.place(60, 0.05)
    local process = start_until(20)
    native.kill(process.pid, "KILL")
    process:finish()
    local rows = {}
    for number = 60, 1, -1 do
      rows[#rows + 1] = { id = "r" .. number, text = "text " .. number }
    end
    place:rows(rows)
    local status, summary, output = place:run()
    assert.are.same({ 0, 60 }, { status, summary and summary.done }, output)
    assert.are.equal("r60", core.decode(place:written():match("[^\n]*")).custom_id)
    assert.is_true(select(2, place:paid()) <= 60 + crash.concurrency)
  end)
end)

describe("an input", function()
  it("with ids that are there twice is an error that lists them, and nothing is sent", function()
    place = crash.place(0)
    place:rows { { id = 1, text = "a" }, { id = "x", text = "b" }, { id = "1", text = "c" },
      { id = "x", text = "d" } }
    local status, _, output = place:run()
    assert.are.equal(2, status, output)
    for _, id in ipairs { '"1"', '"x"' } do assert.is_truthy(output:find(id, 1, true), output) end
    assert.is_nil(place:written())
    assert.are.same({}, crash.sim:journal())
  end)

  it("with a row that is no JSON has it named by its line; the rest goes on", function()
    place = crash.place(0)
    place:rows { { id = "a", text = "text 1" }, "{ torn", { id = "b", text = "text 2" } }
    local status, summary, output = place:run()
    assert.are.equal(1, status, output)
    assert.are.same({ 2, 1, 3 }, { summary.done, summary.failed, lines_of(place:written()) })
    assert.is_truthy(summary.problems[1]:find("line 2", 1, true), summary.problems[1])
  end)
end)

describe("a store", function()
  it("that is deleted while a batch runs stops it, and loses no answer", function()
    place = crash.place(60, 0.1)
    local process = start_until(20)
    os.execute(("rm '%s' '%s-wal' '%s-shm'"):format(place.db, place.db, place.db))
    local status, _, output = crash.finish(process)
    assert.are.equal(3, status, output)
    assert.is_truthy(output:find(place.db .. ".rescued: rename that", 1, true), output)
    local before = select(2, place:paid())
    assert.is_true(before < 60, before)
    os.rename(place.db .. ".rescued", place.db)
    local summary
    status, summary, output = place:run()
    assert.are.same({ 0, 60, 60 - before, {} },
      { status, summary and summary.done, summary.sent, summary.paid_twice }, output)
    assert.are.equal(60, select(2, place:paid()))
  end)

  it("of a newer novita is left alone, and says so", function()
    place = crash.place(2)
    assert.are.equal(0, (place:run()))
    local written = place:written()
    place:query("update meta set value = '1000' where name = 'schema'")
    local status, _, output = place:run()
    assert.is_true(status ~= 0, output)
    assert.is_truthy(output:find("version 1000", 1, true), output)
    assert.are.same({ 2, written }, { select(2, place:paid()), place:written() })
  end)
end)
