--- The class of tasks, which each loop completes with what depends on it.

local compat = require("novita.compat")
local core = require("novita.core")
local misuse = require("novita.misuse")

local task = {}

---@class novita.Task
---@field done boolean
---@field ok boolean? once done: did its function return?
---@field cancelled boolean?
---@field seen boolean? true if its results were returned by join() or will be
---@field results? table once done: what its function returned, or the error
---@field scope? any what its code is a part of: a new task has that of the task which starts it
---@field traceback? string of an error that is a string

--- The functions of a loop for its tasks.
---@class novita.TaskMethods
---@field cancel fun(task: novita.Task) ends the call or the sleep of a task that is not done, and
---  makes its later ones fail as cancelled
---@field abandon fun(task: novita.Task, err: novita.Error) ends a task that is not done with this
---  error, without resuming it
---@field running fun(task: novita.Task): novita.Task? returns the running task of the same loop
---@field await fun(task: novita.Task): boolean waits; returns true once the task is done, false if
---  the waiting task is cancelled before

local function cancelled(message)
  return core.error { kind = "cancelled", message = message }
end

local function raise_failure(ok, ...)
  if not ok then error((...), 0) end
  return ...
end

--- Makes the metatable of a loop's tasks.
---@param loop novita.TaskMethods
---@return table mt
function task.class(loop)
  local methods = {}

  --- Stops the call or the sleep that the task is in, and makes its later ones fail as cancelled.
  function methods:cancel()
    if self.done then return end
    self.cancelled = true
    loop.cancel(self)
  end

  --- Ends the task where it waits: it is never resumed, its call is cancelled, and those that join
  --- it get an error of the kind cancelled. One that runs goes on as cancelled, to no effect.
  function methods:abandon()
    if self.done then return end
    self.cancelled, self.seen = true, true
    loop.abandon(self, cancelled("the task was abandoned"))
  end

  --- Waits for the end of the task.
  ---@return boolean ok false when its function raised an error
  ---@return any ... what it returned, or that error
  function methods:join()
    if self == loop.running(self) then misuse.raise("a task can't wait for itself") end
    self.seen = true
    if not loop.await(self) then
      return false, cancelled("cancelled while waiting for a task")
    end
    return self.ok, compat.unpack(self.results, 1, self.results.n)
  end

  --- Waits for the end of the task and returns what its function returned, or raises its error.
  ---@return any ...
  function methods:wait()
    return raise_failure(self:join())
  end

  local mt = { __name = "novita.task", __index = methods }
  misuse.guard("task", mt)
  return mt
end

--- Stores what the function of a task returned or raised.
---@param self novita.Task
---@param ok boolean
---@param ... any
function task.finish(self, ok, ...)
  self.results = { n = select("#", ...), ... }
  self.ok, self.done = ok, true
end

return task
