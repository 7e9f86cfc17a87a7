-- The loop for libuv in programs with luv. (In Neovim: spec/nvim.)

local simulator = require("spec.support.simulator_client")
local support = require("spec.support.uv")

local sim = simulator.shared()

describe("with luv", function()
  before_each(function() sim:reset() end)

  it("tasks that wait are cancelled when the pool is closed", function()
    sim:script { { match = "lost", cut = 0, ending = "stall" } }
    support.prints("cancelled\nHi", [[
      local task = loop.spawn(function() return client:chat(ask("lost")) end)
      loop.pool():close()
      local _, _, err = task:join()
      print(err.kind)
      io.write(client:chat(ask("Hi")):text())
    ]])
  end)

  it("tasks go on without descriptors for a pool, and their calls say so", function()
    support.prints("config\nconfig 0.02\nHi", [[
      uv.run("nowait") -- libuv's own descriptors
      local files = {}
      repeat
        local file = io.open("/dev/null")
        files[#files + 1] = file
      until not file
      local function try() return select(2, client:chat(ask("Hi"))).kind end
      print(loop.spawn(try):wait())
      print(loop.spawn(function()
        local kind, before = try(), loop.now()
        loop.sleep(0.02)
        return kind .. (loop.now() - before < 5 and " 0.02" or " late")
      end):wait())
      for _, file in ipairs(files) do file:close() end
      io.write(client:chat(ask("Hi")):text())
    ]])
  end)

  it("calls block where there is no task", function()
    support.prints("Hi\nHi again", [[
      print(client:chat(ask("Hi")):text())
      for text in client:stream(ask("Hi again")):text() do io.write(text) end
    ]])
  end)

  it("tasks keep uv.run alive until the last has ended, and no longer", function()
    sim:always { delay = 0.05 }
    support.prints("tick\none\ntwo\n", [[
      loop.spawn(function() print(client:chat(ask("one")):text()) end)
      loop.spawn(function() loop.sleep(0.2) print(client:chat(ask("two")):text()) end)
      local timer = uv.new_timer()
      timer:start(10, 0, function() print("tick") timer:close() end)
      uv.run()
    ]])
  end)

  it("calls go on in the background while the program runs its loop", function()
    support.prints("headers 200\ntext: a b\ndone: a b\n", [[
      local parts = {}
      client:start(ask("a b"), {
        on_headers = function(status) print("headers " .. status) end,
        on_text = function(text) parts[#parts + 1] = text end,
        on_done = function(reply)
          print("text: " .. table.concat(parts))
          print("done: " .. reply:text())
        end,
      })
      uv.run()
    ]])
  end)

  it("cancel comes from any callback", function()
    sim:always { delay = 30 }
    support.prints("cancelled\ntrue\n", [[
      local handle = client:start(ask("x"), { on_done = function(_, err) print(err.kind) end })
      local timer, started = uv.new_timer(), loop.now()
      timer:start(50, 0, function() handle:cancel() timer:close() end)
      uv.run()
      print(loop.now() - started < 0.3)
    ]])
  end)

  it("an error that nobody waits for is written to stderr, the loop goes on", function()
    local output, status = support.run [[
      loop.spawn(function() error("oh no") end)
      client:start(ask("x"), { on_text = function() error("in text") end })
      client:start(ask("y"), { on_done = function(reply) print(reply:text()) end })
      uv.run()
    ]]
    assert.are.equal(0, status)
    for _, text in ipairs { "novita: .*oh no", "in on_text: .*in text", "stack traceback",
      "y\n" } do
      assert.is_truthy(output:find(text), output)
    end
  end)

  it("a program may end in the middle of a stream", function()
    sim:always { pace = 0.01 }
    support.prints("enough\n", [[
      local handle
      handle = client:start(ask(("w "):rep(100)), { on_text = function() uv.stop() end })
      uv.run()
      print("enough")
    ]])
  end)
end)
