-- Neovim's loop: tasks, calls that block, and ending in every state.

local editor = require("spec.support.editor")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local FOREVER = 30

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

describe("in Neovim,", function()
  describe("a task", function()
    it("waits for calls while the editor goes on", function()
      sim:always { delay = 0.1 }
      local got = editor.run [[
        local ticks, texts, fast = 0, {}, false
        local timer = vim.loop.new_timer()
        timer:start(0, 5, function() ticks = ticks + 1 end)
        local task = require("novita").spawn(function()
          for i = 1, 2 do
            texts[i] = assert(client():chat(request { message = "call " .. i })):text()
            fast = fast or vim.in_fast_event()
          end
          return "end"
        end)
        local before = #texts
        local result = task:wait()
        timer:close()
        return { before = before, texts = texts, result = result, ticks = ticks > 5, fast = fast }
      ]]
      assert.are.same({ before = 0, texts = { "call 1", "call 2" }, result = "end", ticks = true,
        fast = false }, got)
    end)

    it("still has what was left of its patience after the editor was blocked", function()
      sim:always { delay = 2 }
      assert.are.equal("Hello there", editor.run [[
        local text
        require("novita").spawn(function()
          local reply, err = client({ first_byte_timeout = 1.2 }):chat(request())
          text = tostring(reply or err)
        end)
        vim.wait(100)
        vim.loop.sleep(1600)
        wait(function() return text end)
        return text
      ]])
    end)

    it("retries without blocking", function()
      sim:script { { status = 503 }, { status = 503 } }
      local got = editor.run [[
        local ticks, text = 0, nil
        local timer = vim.loop.new_timer()
        timer:start(0, 5, function() ticks = ticks + 1 end)
        require("novita").spawn(function()
          text = client({ retry = { initial_delay = 0.1, factor = 1 } }):chat(request()):text()
        end)
        wait(function() return text end)
        return { text, ticks > 15 }
      ]]
      assert.are.same({ "Hello there", true }, got)
    end)

    it("is cancelled too while it lets the editor have its turn", function()
      sim:always(streaming.silent { streaming.chunk("a") })
      local got = editor.run [[
        local started, between, err
        local task = require("novita").spawn(function()
          local stream = assert(client { idle_timeout = 5 }:stream(request()))
          stream:next()
          started = true
          for _ = 1, 2 do coroutine.yield() end -- the first is in the same turn
          err = select(2, stream:next())
        end)
        wait(function() return started end)
        between = task.waiter == nil
        local since = now()
        task:cancel()
        task:join()
        return { between = between, kind = err.kind, at_once = now() - since < 1 }
      ]]
      assert.are.same({ between = true, kind = "cancelled", at_once = true }, got)
    end)

    it("whose function raises is reported, unless somebody waits for it", function()
      local got, output = editor.run [[
        local novita = require("novita")
        novita.spawn(function() error("first") end)
        local joined = novita.spawn(function() error("second") end)
        local ok, err = joined:join()
        vim.wait(50)
        return { ok, err:match("second") }
      ]]
      assert.are.same({ false, "second" }, got)
      assert.is_truthy(output:find("novita: [^\n]*first.*stack traceback:"), output)
      assert.is_nil(output:find("second", 1, true))
    end)

    it("that is cancelled while it waits for another one ends as cancelled", function()
      local got = editor.run [[
        local novita, kind = require("novita"), nil
        local slow = novita.spawn(function() require("novita.loop.uv").sleep(0.2) return 1 end)
        local waits = novita.spawn(function() kind = select(2, slow:join()).kind end)
        vim.wait(20)
        waits:cancel()
        wait(function() return kind end, 100)
        return { kind, slow:wait() }
      ]]
      assert.are.same({ "cancelled", 1 }, got)
    end)

    it("can be many: map keeps order and limit", function()
      sim:always { delay = 0.01 }
      local got = editor.run [[
        local items = {}
        for i = 1, 40 do items[i] = i end
        local results, summary = client():map(items, { model = "simulator/echo",
          message = "item {{item}}" }, { concurrency = 8 })
        for i = 1, 40 do assert(results[i]:text() == "item " .. i) end
        return summary.ok
      ]]
      assert.are.equal(40, got)
      assert.is_true(sim:stats().most_active <= 8)
    end)

    it("is started, not run, from a callback of libuv's", function()
      assert.are.same({ false, "Hello there" }, editor.run [[
        local c, asked, novita, fast, text = client(), request(), require("novita"), nil, nil
        local timer = vim.loop.new_timer()
        timer:start(1, 0, function()
          timer:close()
          novita.spawn(function() fast = vim.in_fast_event() text = c:chat(asked):text() end)
        end)
        wait(function() return text end)
        return { fast, text }
      ]])
    end)
  end)

  describe("a call that blocks", function()
    it("lets scheduled functions and timers run meanwhile", function()
      sim:script { { delay = 0.1 } }
      local got = editor.run [[
        local ticks, scheduled = 0, false
        local timer = vim.loop.new_timer()
        timer:start(0, 5, function() ticks = ticks + 1 end)
        vim.defer_fn(function() scheduled = vim.api.nvim_get_current_buf() end, 20)
        local text = client():chat(request()):text()
        timer:close()
        return { text, ticks > 3, scheduled }
      ]]
      assert.are.same({ "Hello there", true, 1 }, got)
    end)

    it("streams, and inside another one too", function()
      sim:always { pace = 0.005 }
      local got = editor.run [[
        local inner, texts = nil, {}
        vim.defer_fn(function() inner = client():chat(request { message = "inner" }):text() end, 10)
        for text in client():stream(request { message = "a b c d e" }):text() do
          table.insert(texts, text)
        end
        wait(function() return inner end)
        return { table.concat(texts), inner }
      ]]
      assert.are.same({ "a b c d e", "inner" }, got)
    end)

    it("can't in a callback of libuv's, and says what can", function()
      local got = editor.run [[
        local c, asked, err = client(), request(), nil
        local timer = vim.loop.new_timer()
        timer:start(1, 0, function()
          timer:close()
          err = select(2, pcall(c.chat, c, asked))
        end)
        wait(function() return err end)
        return tostring(err)
      ]]
      assert.is_truthy(got:find("use novita.start or novita.spawn", 1, true), got)
    end)
  end)

  describe("ends cleanly", function()
    local function ends(code, output_wanted)
      local _, output, status = editor.run(code, { stay = true })
      assert.are.equal(0, status, output)
      assert.are.equal(output_wanted or "", output)
    end

    it("before any call", function() ends [[require("novita") vim.cmd("qa!")]] end)

    it("after a call", function()
      ends [[client():chat(request()) vim.cmd("qa!")]]
    end)

    it("in the middle of streams, which the server sees", function()
      sim:always { pace = 0.01 }
      ends [[
        local n = 0
        for _ = 1, 4 do
          client():start(request { message = ("w "):rep(200) }, {
            on_text = function() n = n + 1 end,
          })
        end
        wait(function() return n > 8 end)
        vim.cmd("qa!")
      ]]
      assert.is_true(sim:wait_for(function(entries)
        local aborted = 0
        for _, entry in ipairs(entries) do aborted = aborted + (entry.aborted and 1 or 0) end
        return aborted == 4
      end))
    end)

    it("from a callback, with the server silent, and while it waits to try again", function()
      sim:always { pace = 0.01 }
      ends [[
        client():start(request { message = ("w "):rep(200) }, {
          on_text = function() vim.cmd("qa!") end,
        })
        wait(function() return false end)
      ]]
      sim:always { delay = FOREVER }
      ends [[client():start(request(), {}) vim.wait(50) vim.cmd("qa!")]]
      sim:always { status = 503 }
      ends [[client():start(request(), {}) vim.wait(100) vim.cmd("qa!")]]
    end)

    it("in a call that blocks", function()
      sim:always { delay = FOREVER }
      ends [[
        vim.defer_fn(function() vim.cmd("qa!") end, 50)
        client():chat(request())
      ]]
    end)

    it("while a name is looked up", function()
      local started = require("socket").gettime()
      local _, output, status = editor.run([[
        client({ base_url = "http://no.such.name/v1" }):start(request(), {})
        vim.wait(50)
        vim.cmd("qa!")
      ]], { stay = true, environment = editor.slow_names })
      assert.are.equal("", output)
      assert.are.equal(0, status)
      assert.is_true(require("socket").gettime() - started < 2)
    end)

    it("when VimLeavePre comes to calls of its own", function()
      ends([[
        client():start(request(), {})
        vim.api.nvim_create_autocmd("VimLeavePre", { callback = function()
          io.stdout:write(client():chat(request { message = "bye" }):text())
        end })
        vim.cmd("qa!")
      ]], "bye")
    end)
  end)

  it("keeps one descriptor for all streams, and sleeps while they are silent", function()
    sim:always { delay = 0.4 }
    local got = editor.run [[
      local function descriptors() return #vim.fn.readdir("/proc/self/fd") end
      client():chat(request())
      local turns, schedule = 0, vim.schedule
      for _ = 1, 8 do client():start(request(), {}) end
      vim.wait(50)
      vim.schedule = function(fn) turns = turns + 1 return schedule(fn) end
      vim.wait(200)
      vim.schedule = schedule
      return turns
    ]]
    assert.are.equal(0, got)
  end)
end)

describe("in a terminal, a call that blocks", function()
  local session

  after_each(function()
    if session then session:stop() end
    session = nil
  end)

  it("is interrupted by <C-c>, and stops at the server too", function()
    sim:always { delay = FOREVER }
    session = editor.terminal [[
      vim.cmd("set shortmess+=I")
      function _G.Ask()
        local started = now()
        local ok, err = pcall(function() return client():chat(request()) end)
        report { ok = ok, err = tostring(err), seconds = now() - started }
      end
    ]]
    session:type(":lua Ask()", "Enter")
    assert(sim:wait_for(function(entries) return entries[1] end))
    session:type("C-c")
    local got = session:result()
    assert.is_false(got.ok)
    assert.are.equal("Keyboard interrupt", got.err)
    assert.is_true(sim:wait_for(function(entries) return entries[1].aborted end))
    session:type("Escape", "ihere again", "Escape")
    session:wait_for("here again")
  end)

  it("shows what changes meanwhile", function()
    sim:always { delay = 2 }
    session = editor.terminal [[
      vim.cmd("set shortmess+=I")
      vim.defer_fn(function()
        vim.api.nvim_buf_set_lines(0, 0, -1, false, { "changed meanwhile" })
      end, 600)
      vim.schedule(function() client():chat(request()) report(true) end)
    ]]
    session:wait_for("changed meanwhile", 1.8)
    session:result()
  end)
end)
