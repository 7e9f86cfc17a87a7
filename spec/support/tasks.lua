--- Tasks in virtual time: coroutines that sleep on a clock which jumps from one event to the next,
--- so that minutes pass in milliseconds and every run is the same.

local tasks = {}

local function before(a, b)
  return a.at < b.at or (a.at == b.at and a.order < b.order)
end

local function push(heap, event)
  local i = #heap + 1
  heap[i] = event
  while i > 1 do
    local parent = (i - i % 2) / 2
    if not before(event, heap[parent]) then break end
    heap[i], heap[parent], i = heap[parent], event, parent
  end
end

local function pop(heap)
  local top, last = heap[1], table.remove(heap)
  if not heap[1] then return top end
  local i, child = 1, 2
  while heap[child] do
    if heap[child + 1] and before(heap[child + 1], heap[child]) then child = child + 1 end
    if not before(heap[child], last) then break end
    heap[i], i, child = heap[child], child, child * 2
  end
  heap[i] = last
  return top
end

--- A world with its clock at 0. `wakes` is how often a sleep has ended.
function tasks.world()
  local world, heap, now, order = { wakes = 0 }, {}, 0, 0

  local function schedule(task, at)
    order = order + 1
    task.event = { task = task, at = at, order = order }
    push(heap, task.event)
  end

  local running

  function world.now() return now end

  function world.task() return running end

  function world.spawn(fn, ...)
    local args = { ... }
    local task = {}
    task.thread = coroutine.create(function() return fn(args[1], args[2], args[3]) end)
    schedule(task, now)
    return task
  end

  --- Sleeps; what `interrupt` gave is returned.
  function world.sleep(seconds)
    local task = running
    schedule(task, now + seconds)
    coroutine.yield()
    world.wakes = world.wakes + 1
    local stopped = task.stopped
    task.stopped = nil
    if stopped then return nil, stopped end
    return true
  end

  --- Lets a task's sleep end now, with an error if one is given.
  function world.wake(task, err)
    task.stopped = err
    schedule(task, now)
  end

  --- Forgets a task in its sleep: it never goes on, and may be collected.
  function world.drop(task)
    task.event.task = nil
  end

  --- Runs until nothing is left to do, or until a time.
  function world.run(till)
    while heap[1] and heap[1].at <= (till or math.huge) do
      local event = pop(heap)
      local task = event.task
      if task and task.event == event then
        now, running = event.at, task
        local ok, err = coroutine.resume(task.thread)
        running = nil
        if not ok then error(debug.traceback(task.thread, tostring(err)), 0) end
      end
    end
    if till then now = math.max(now, till) end
  end

  return world
end

--- What a limiter stands on in a world; without `random` it adds no jitter.
function tasks.environment(world, random)
  return {
    now = world.now, time = function() return 1e9 + world.now() end,
    random = random or function() return 0 end,
    error = function(err) return err end,
  }
end

--- What a waiting call stands on: a host that can sleep, or one whose tasks are also woken.
function tasks.host(world, wakes)
  local wait = { sleep = world.sleep }
  if wakes then wait.task, wait.wake = world.task, world.wake end
  return wait
end

return tasks
