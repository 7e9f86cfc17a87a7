-- The next event of a stream stays where it is while finalizers read, feed or end the stream.

local reentrant_run = require("spec.support.reentrant_run")

local many = reentrant_run.many()

describe("a finalizer", function()
  it("cancels the stream that is being read", function()
    reentrant_run.case("cancels", { { events = many, uses = 4 } })
  end)

  it("reads on in the stream that is being read: nothing is lost, nothing comes twice", function()
    reentrant_run.case("reads_on", { { events = many } })
  end)

  it("feeds and reads the parser that is being read", function() reentrant_run.case("parses") end)
end)
