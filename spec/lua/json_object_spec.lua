-- JSON that is written while finalizers write other JSON, or change the table.

local reentrant_run = require("spec.support.reentrant_run")

describe("a finalizer", function()
  it("writes JSON while other JSON is written", function() reentrant_run.case("writes") end)

  it("changes the table that is being written", function() reentrant_run.case("changes_table") end)
end)
