-- novita.start inside Neovim: a call in the background, told by callbacks that may use the editor.

local editor = require("spec.support.editor")
local simulator = require("spec.support.simulator_client")

local FOREVER = 30

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

-- Runs code after this: calls() is what handlers() were told, in order, and done() waits for the
-- end. `act` has functions to call from a handler, by the handler's name.
local TOLD = [[
  local told, act, handle, over = {}, {}, nil, 0
  local function tell(name, text, ...)
    table.insert(told, name .. (text and " " .. tostring(text) or ""))
    if act[name] then return act[name](text, ...) end
  end
  local function handlers()
    return {
      on_headers = function(status) return tell("headers", status) end,
      on_chunk = function() return tell("chunk") end,
      on_text = function(text) return tell("text", text) end,
      on_done = function(reply, err)
        over = over + 1
        return tell("done", reply and reply:text() or err.kind, reply, err)
      end,
    }
  end
  local function count(name)
    local n = 0
    for _, entry in ipairs(told) do if entry:match("^%a+") == name then n = n + 1 end end
    return n
  end
  local function text()
    local parts = {}
    for _, entry in ipairs(told) do parts[#parts + 1] = entry:match("^text (.*)") end
    return table.concat(parts)
  end
  local function done() wait(function() return over > 0 end) vim.wait(30) end
]]

local function run(code, options)
  return editor.run(TOLD .. code, options)
end

describe("novita.start", function()
  it("tells headers, chunks, text and the end, in that order, where the API may be used", function()
    local got = run [[
      local fast = false
      act.headers = function() vim.api.nvim_buf_set_lines(0, 0, -1, false, { "x" }) end
      act.text = function() fast = fast or vim.in_fast_event() end
      act.done = act.text
      handle = client():start(request { message = "one two three" }, handlers())
      local before = #told
      done()
      return { before = before, first = told[1], last = told[#told], text = text(), fast = fast,
        over = over, status = handle:status(), line = vim.fn.getline(1) }
    ]]
    assert.are.same({ before = 0, first = "headers 200", last = "done one two three",
      text = "one two three", fast = false, over = 1, status = "done", line = "x" }, got)
  end)

  it("lets the editor have its turn when many are started in one go", function()
    local got = run [[
      local asked = 0
      local c = client { api_key = function()
        asked = asked + 1
        local since = now()
        while now() < since + 0.005 do end
        return "sk_0123456789abcdef"
      end }
      for _ = 1, 4 do c:start(request(), handlers()) end
      local at_once = asked
      wait(function() return over == 4 end)
      local answers = {}
      for _, entry in ipairs(told) do table.insert(answers, entry:match("^done (.*)")) end
      return { at_once = at_once, asked = asked, answers = answers }
    ]]
    local answer = "Hello there"
    assert.are.same({ at_once = 1, asked = 4, answers = { answer, answer, answer, answer } }, got)
  end)

  it("calls on_text at once, and then at most every 16 ms", function()
    sim:always { pace = 0.002 }
    local got = run [[
      local moments = {}
      act.text = function() table.insert(moments, now()) end
      local options = { model = "simulator/echo", message = ("word "):rep(60) }
      local all = handlers()
      handle = client():start(options, { on_text = all.on_text, on_done = all.on_done })
      done()
      local least = 1
      for i = 2, #moments - 1 do least = math.min(least, moments[i] - moments[i - 1]) end
      return { least = least, calls = #moments, all = text() == options.message, first = told[1] }
    ]]
    assert.is_true(got.least >= 0.0155, got.least)
    assert.is_true(got.calls < 30, got.calls)
    assert.is_true(got.all)
    assert.are.equal("text word", got.first)
  end)

  it("needs no handler but those that are given, and streams only for those that ask", function()
    local got = run [[
      local reply
      client():start(request(), { on_done = function(r) reply = r end })
      wait(function() return reply end)
      client():start(request(), {})
      wait(function() return require("novita.loop.uv").pool():poll(0) == 0 end)
      return reply:text()
    ]]
    assert.are.equal("Hello there", got)
    assert.is_nil(sim:journal()[1].body:find('"stream":true', 1, true))
  end)

  it("raises on misuse, and tells anything else to on_done, after it has returned", function()
    local got = run [[
      local ok1, raised1 = pcall(client().start, client(), request(), { on_word = print })
      local ok2, raised2 = pcall(client().start, client(), request(), nil)
      handle = client():start({ message = "no model" }, handlers())
      local before = over
      done()
      return { ok1, ok2, raised1 = raised1, raised2 = raised2, before = before, told = told,
        status = handle:status() }
    ]]
    assert.are.same({ false, false }, { got[1], got[2] })
    assert.is_truthy(got.raised1:find("handlers.on_word: unknown handler", 1, true))
    assert.is_truthy(got.raised2:find("handlers: expected a table, got nil", 1, true))
    assert.are.equal(0, got.before)
    assert.are.same({ "done config" }, got.told)
    assert.are.equal("failed", got.status)
  end)

  it("tells a failure of the server's, and tries again before that", function()
    sim:script { { status = 503 }, { status = 401 } }
    local got = run [[
      local retry = { initial_delay = 0.01 }
      local status
      act.done = function(_, _, err) status = err.status end
      client({ retry = retry }):start(request(), handlers())
      done()
      return { told = told, status = status }
    ]]
    assert.are.same({ told = { "done authentication" }, status = 401 }, got)
    assert.are.equal(2, #sim:journal())
  end)

  it("tells a stream that breaks off, with the text that came", function()
    sim:script { { cut_pieces = 4, ending = "reset", pace = 0.001 } }
    local got = run [[
      local partial
      act.done = function(_, _, err) partial = err.partial:text() end
      client():start(request { message = "a b c d e f g" }, handlers())
      done()
      return { kind = told[#told], partial = partial, text = text() }
    ]]
    assert.are.equal("done connection", got.kind)
    assert.are.equal(got.text, got.partial)
    assert.is_true(#got.text > 0)
  end)

  it("stops when a callback returns false, with what has come", function()
    sim:always { pace = 0.003 }
    local got = run [[
      local incomplete
      act.text = function() return false end
      act.done = function(_, reply) incomplete = reply.incomplete end
      handle = client():start(request { message = ("w "):rep(50) }, handlers())
      done()
      return { texts = count("text"), incomplete = incomplete, status = handle:status() }
    ]]
    assert.are.same({ texts = 1, incomplete = true, status = "done" }, got)
    assert.is_true(sim:wait_for(function(entries) return entries[1].aborted end))
  end)

  it("goes on when nobody keeps the handle", function()
    sim:always { pace = 0.005 }
    assert.are.equal("done a b c d e", run [[
      client():start(request { message = "a b c d e" }, handlers())
      for _ = 1, 20 do collectgarbage() vim.wait(5) end
      done()
      return told[#told]
    ]])
  end)

  it("is silent with a silent server until the time-out", function()
    sim:script { { delay = FOREVER } }
    local got = run [[
      local reason, started = nil, now()
      act.done = function(_, _, err) reason = err.reason end
      client({ first_byte_timeout = 0.1, retry = "none" }):start(request(), handlers())
      done()
      return { reason = reason, seconds = now() - started, told = told }
    ]]
    assert.are.equal("first_byte", got.reason)
    assert.are.same({ "done timeout" }, got.told)
    assert.is_true(got.seconds < 0.6, got.seconds)
  end)

  describe("when a callback raises an error", function()
    for _, name in ipairs { "headers", "chunk", "text" } do
      it("in on_" .. name .. ", ends that call alone and reports it", function()
        sim:always { pace = 0.005 }
        local got, output = run(([[
          local other
          client():start(request { message = "x y z" }, { on_done = function(r) other = r end })
          act.%s = function() error("oh no", 0) end
          local failed
          act.done = function(_, _, err) failed = err.message end
          handle = client():start(request { message = ("w "):rep(50) }, handlers())
          done()
          wait(function() return other end)
          return { kind = told[#told], over = over, calls = count("%s"), status = handle:status(),
            message = failed, other = other:text() }
        ]]):format(name, name))
        assert.are.same({ kind = "done callback_error", over = 1, calls = 1, status = "failed",
          message = ("on_%s raised an error"):format(name), other = "x y z" }, got)
        assert.is_truthy(output:find("in on_" .. name .. ": oh no", 1, true), output)
        assert.is_true(sim:wait_for(function(entries)
          for _, entry in ipairs(entries) do if entry.aborted then return true end end
        end))
      end)
    end

    it("in on_done, reports it with a traceback", function()
      local got, output = run [[
        act.done = function() error("oh no") end
        handle = client():start(request(), handlers())
        done()
        return { over = over, status = handle:status() }
      ]]
      assert.are.same({ over = 1, status = "done" }, got)
      assert.is_truthy(output:find("in on_done: [^\n]*oh no.*stack traceback:"), output)
    end)

    it("that is no string, reports it too", function()
      local _, output = run [[
        local odd = setmetatable({}, { __tostring = function() return "odd" end })
        act.text = function() error(odd) end
        client():start(request(), handlers())
        done()
      ]]
      assert.is_truthy(output:find("in on_text: odd", 1, true), output)
    end)

    it("in a function among the options, ends the call and reports it", function()
      local got, output = run [[
        client({ api_key = function() error("no keyring") end }):start(request(), handlers())
        done()
        return told
      ]]
      assert.are.same({ "done callback_error" }, got)
      assert.is_truthy(output:find("no keyring", 1, true), output)
    end)
  end)

  describe("cancelled", function()
    for _, name in ipairs { "headers", "chunk", "text" } do
      it("from on_" .. name .. ", tells nothing more but the end", function()
        sim:always { pace = 0.003 }
        local got = run(([[
          local calls
          act.%s = function() handle:cancel() calls = #told handle:cancel() end
          handle = client():start(request { message = ("w "):rep(50) }, handlers())
          done()
          return { after = #told - calls, last = told[#told], over = over,
            status = handle:status() }
        ]]):format(name))
        assert.are.same({ after = 1, last = "done cancelled", over = 1, status = "cancelled" }, got)
        assert.is_true(sim:wait_for(function(entries) return entries[1].aborted end))
      end)
    end

    it("from on_done, or later, changes nothing", function()
      assert.are.same({ "done", 1 }, run [[
        act.done = function() handle:cancel() end
        handle = client():start(request(), handlers())
        done()
        handle:cancel()
        vim.wait(20)
        return { handle:status(), over }
      ]])
    end)

    it("from a callback of libuv's, where the API may not be used", function()
      sim:always { pace = 0.01 }
      assert.are.same({ "done cancelled", false }, run [[
        local fast
        act.done = function() fast = vim.in_fast_event() end
        handle = client():start(request { message = ("w "):rep(50) }, handlers())
        local timer = vim.loop.new_timer()
        timer:start(50, 0, function() timer:close() handle:cancel() end)
        done()
        return { told[#told], fast }
      ]])
    end)

    -- Each: how the call hangs, and what it is doing.
    local phases = {
      { "at its start", {}, "handle:cancel()" },
      { "while the server is silent", { delay = FOREVER }, "vim.wait(60) handle:cancel()" },
      { "in the middle of a stream that stalls", { cut_pieces = 3, ending = "stall" },
        "wait(function() return count('text') > 0 end) handle:cancel()" },
      { "before it tries again", { status = 503, headers = { ["retry-after"] = "20" } },
        "vim.wait(80) handle:cancel()" },
    }
    for _, phase in ipairs(phases) do
      it(phase[1] .. ", ends at once", function()
        sim:script { phase[2] }
        local got = run([[
          handle = client():start(request { message = "a b c d e f" }, handlers())
          ]] .. phase[3] .. [[
          local started = now()
          local status = handle:status()
          wait(function() return over > 0 end, 500)
          return { seconds = now() - started, last = told[#told], over = over, status = status }
        ]])
        assert.is_true(got.seconds < 0.05, got.seconds)
        assert.are.equal("done cancelled", got.last)
        assert.are.equal("cancelled", got.status)
        assert.are.equal(1, got.over)
      end)
    end

    it("while a name is looked up, ends at once", function()
      local got = run([[
        handle = client({ base_url = "http://no.such.name/v1" }):start(request(), handlers())
        vim.wait(100)
        local started = now()
        handle:cancel()
        local took = now() - started
        wait(function() return over > 0 end, 500)
        return { seconds = now() - started, took = took, last = told[#told] }
      ]], { environment = editor.slow_names })
      assert.is_true(got.took < 0.05 and got.seconds < 0.05, got.seconds)
      assert.are.equal("done cancelled", got.last)
    end)

    it("while it waits for its turn", function()
      sim:always { delay = 0.3 }
      assert.are.same({ "done cancelled", true, 1 }, run [[
        local c, first = client({ limit = { concurrency = 1 } }), nil
        c:start(request(), { on_done = function(r) first = r end })
        handle = c:start(request(), handlers())
        vim.wait(50)
        local started = now()
        handle:cancel()
        wait(function() return over > 0 end, 200)
        local soon = now() - started < 0.05
        wait(function() return first end)
        return { told[#told], soon, over }
      ]])
      assert.are.equal(1, #sim:journal())
    end)
  end)

  describe("from a callback", function()
    it("starts another call", function()
      local got = run [[
        local texts = {}
        local function again(n)
          client():start(request { message = "call " .. n }, { on_done = function(reply)
            table.insert(texts, reply:text())
            if n < 5 then again(n + 1) end
          end })
        end
        again(1)
        wait(function() return #texts == 5 end)
        return texts
      ]]
      assert.are.same({ "call 1", "call 2", "call 3", "call 4", "call 5" }, got)
    end)

    it("starts one from on_text, and from a callback of libuv's", function()
      local got = run [[
        local texts = {}
        local function add(reply) table.insert(texts, reply:text()) end
        act.text = function()
          act.text = nil
          client():start(request { message = "from text" }, { on_done = add })
        end
        client():start(request(), handlers())
        local timer, fast = vim.loop.new_timer(), nil
        local c, asked = client(), request { message = "from luv" }
        timer:start(1, 0, function()
          timer:close()
          c:start(asked, { on_done = function(r) fast = vim.in_fast_event() add(r) end })
        end)
        wait(function() return #texts == 2 end)
        table.sort(texts)
        return { texts[1], texts[2], fast }
      ]]
      assert.are.same({ "from luv", "from text", false }, got)
    end)

    it("asks and waits, as in a task, also after a cancel", function()
      local got = run [[
        local answers = {}
        local c = client()
        handle = c:start(request { message = "x y z" }, {
          on_text = function()
            if answers[1] then return end
            answers[1] = assert(c:chat(request { message = "inner" })):text()
            handle:cancel()
          end,
          on_done = function(_, err)
            answers[2] = err.kind
            answers[3] = assert(c:chat(request { message = "after" })):text()
            over = 1
          end,
        })
        done()
        return answers
      ]]
      assert.are.equal("inner", got[1])
      assert.are.equal("after", got[3])
    end)
  end)
end)
