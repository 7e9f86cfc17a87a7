-- Code that Lua runs inside ours: finalizers and hooks, which may do whatever other code may.
-- The cases are in spec/support/reentrant.lua.

local reentrant_run = require("spec.support.reentrant_run")

describe("a finalizer", function()
  it("changes the options of the call", function() reentrant_run.case("changes_options") end)

  it("adds timers while one is added", function() reentrant_run.case("adds_timers") end)

  it("finds the results of a task that is done", function() reentrant_run.case("ends_tasks") end)

  it("makes a blocking call, which sees the news of another's", function()
    reentrant_run.case("blocks")
  end)
end)
