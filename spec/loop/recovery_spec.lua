-- An error that a debug hook, as Ctrl-C is one, or a finalizer raises inside of the scheduler loses
-- no task: at each instruction of a program with tasks of all kinds, one after the other.

local novita = require("novita")

local compat = require("novita.compat")
local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

-- Starts a task for each way to wait, and lets them run. Returns nothing: `tasks` has those that
-- were started before an error came.
local function program(client, tasks)
  local function spawn(fn)
    local task
    novita.spawn(function()
      task = poll.current()
      tasks[#tasks + 1] = task
      return fn()
    end)
    return task
  end
  spawn(function() return poll.sleep(0.0002) end)
  local sleeper = spawn(function() poll.sleep(0.0004) end)
  spawn(function() sleeper:join() end)
  spawn(function() coroutine.yield() end)
  local woken = spawn(function() poll.sleep(0.002) end)
  spawn(function() poll.wake(woken) end)
  local cancelled = spawn(function() poll.sleep(0.002) end)
  cancelled:cancel()
  local abandoned = spawn(function() poll.sleep(0.002) end)
  abandoned:abandon()
  if client then spawn(function() assert(client:chat(streaming.request)) end) end
  coroutine.wrap(function() poll.sleep(0.0002) end)()
  novita.run()
end

-- Runs all that was started to its end, whatever it raises.
local function finish()
  local raised = {}
  for _ = 1, 20 do
    local ok, err = pcall(novita.run)
    if ok then return raised end
    raised[#raised + 1] = tostring(err)
  end
  error("run() raises for ever: " .. raised[1])
end

-- Raises an error at the given instruction of the scheduler, and where `again` is given another
-- one so many instructions later. Returns whether it came to the first.
local function interrupt_at(number, again, fn)
  local count, raised = 0, false
  local function hook()
    local source = debug.getinfo(2, "S").source
    if not source:find("^@.*novita/loop/%l+%.lua$") then return end
    count = count + 1
    if count ~= number and count ~= number + again then return end
    raised = true
    if again == 0 or count > number then debug.sethook() end
    error("interrupted!", 0)
  end
  debug.sethook(hook, "", 1)
  pcall(fn)
  debug.sethook()
  return raised
end

-- Checks what is left after an error at instruction `number`.
local function check(number, tasks)
  finish()
  local failed = 0
  for index, task in ipairs(tasks) do
    if not task.done then error(("at %d: task %d is lost"):format(number, index)) end
    if not task.ok and tostring(task.results[1]):find("interrupted!", 1, true) then
      failed = failed + 1
    end
  end
  if failed > 2 then error(("at %d: %d tasks failed"):format(number, failed)) end
end

local function try_all(client, step, again)
  local number = 1
  novita.run() -- loads all of the loop
  repeat
    local tasks = {}
    local went_on = interrupt_at(number, again, function() program(client, tasks) end)
    check(number, tasks)
    number = number + step
  until not went_on
  local tasks = {}
  program(client, tasks)
  check(0, tasks)
  assert.is_nil(poll.due())
  return number
end

describe("an error inside of the scheduler", function()
  after_each(function() debug.sethook() end)

  it("loses no task, at whichever instruction a hook raises it", function()
    assert.is_true(try_all(nil, 1, 0) > 500)
  end)

  it("loses no task where a second one comes while the first is dealt with", function()
    for _, again in ipairs { 12, 40, 90 } do try_all(nil, 31, again) end
  end)

  it("loses no call either", function()
    simulator.shared():reset()
    assert.is_true(try_all(streaming.client(), 13, 0) > 500)
  end)

  it("loses no task where a finalizer raises it", function()
    for _ = 1, 200 do
      local tasks = {}
      local mark = compat.finalizer(function() error("interrupted!", 0) end) -- luacheck: ignore
      mark = nil
      pcall(program, nil, tasks)
      pcall(collectgarbage) -- has not come to it
      check(0, tasks)
    end
  end)
end)
