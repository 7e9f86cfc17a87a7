-- The loop's pool is lost while tasks wait for their answers: each of them gets an error, at once.

local novita = require("novita")

local child = require("spec.support.child")
local poll = require("novita.loop.poll")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

describe("tasks that wait", function()
  local sim, client, task

  setup(function() sim = simulator.shared() end)

  before_each(function()
    sim:reset()
    sim:script { { cut = 0, ending = "stall" } }
    client = streaming.client()
    task = novita.spawn(function() return client:chat(streaming.request) end)
    assert.is_truthy(sim:wait_for(function(entries)
      poll.pool():poll(0)
      return entries[1]
    end))
  end)

  it("are cancelled when the pool is closed before the loop runs", function()
    poll.pool():close()
    assert.is_true(streaming.took(novita.run) < streaming.slack)
    local _, reply, err = task:join()
    assert.is_nil(reply)
    assert.equal("cancelled", err.kind)
  end)

  it("are cancelled when another task closes the pool", function()
    novita.spawn(function()
      poll.sleep(0.01)
      poll.pool():close()
    end)
    assert.is_true(streaming.took(novita.run) < streaming.slack)
    assert.equal("cancelled", select(3, task:join()).kind)
    assert.equal("Hello", client:chat(streaming.request):text():match("Hello"))
  end)

  it("raise in a child made by fork, and go on in its parent", function()
    local text = child.fork(function()
      local ok, err = pcall(novita.run)
      return tostring(ok) .. tostring(err)
    end)
    assert.truthy(text:find("^false.*pool used after fork"), text)
    assert.is_false(task.done)
    task:cancel()
    novita.run()
    assert.equal("cancelled", select(3, task:join()).kind)
  end)
end)
