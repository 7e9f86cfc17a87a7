-- What the body of a flow calls: steps of functions, of calls of the API, of lists, and sleeps.
-- Covers: lua/novita/workflow/calls.lua lua/novita/workflow/each.lua

local core = require("novita.core")
local novita = require("novita")

local flows = require("spec.support.flows")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local ask, asked = flows.ask, flows.asked

-- Runs a body; returns its record.
local function run(body, options)
  local flow = flows.flow(body, options)
  return assert(flow:start()), flow
end

-- The message of the error that a body raises.
local function raised(body)
  local record = run(body)
  assert.equal("(code)", record.failed_step)
  return record.error.message
end

describe("a step of a function", function()
  flows.with()

  it("is given a copy of its input, and its result is kept", function()
    local input, calls = { list = core.array {}, n = 1 }, 0
    local fails = true
    local record, flow = run(function(self)
      local result = self:step("a", input, function(given)
        calls = calls + 1
        assert.are_not.equal(input, given)
        return { n = given.n + 1, list = given.list, none = novita.null }
      end)
      if fails then error("stop") end
      return result
    end)
    fails = false
    record = assert(flow:retry(record.id))
    assert.equal('{"list":[],"n":2}', novita.json.encode(record.result))
    assert.equal(1, calls)
  end)

  it("needs no input", function()
    local record = run(function(self) return self:step("time", os.time) end)
    assert.is_true(math.abs(record.result - os.time()) < 10)
  end)

  it("may return nothing, false, or a text", function()
    local record = run(function(self)
      return {
        nothing = self:step("a", function() end) == nil, no = self:step("b", function()
          return false
        end), text = self:step("c", function() return "" end),
      }
    end)
    assert.same({ nothing = true, no = false, text = "" }, record.result)
  end)

  it("fails where it raises, or returns nil and an error", function()
    local record = run(function(self) self:step("a", function() error("no luck") end) end)
    assert.equal("a", record.failed_step)
    assert.equal("callback_error", record.error.kind)
    assert.is_truthy(record.error.message:find("body_spec.lua:%d+: no luck$"))
    record = run(function(self) self:step("a", function() return nil, "no luck" end) end)
    assert.equal("no luck", record.error.message)
    record = run(function(self)
      self:step("a", function() return nil, core.error { kind = "server", message = "m" } end)
    end)
    assert.equal("server", record.error.kind)
  end)

  it("fails at once where its result is NaN, a function, a cycle or has holes", function()
    local cycle = {}
    cycle.cycle = cycle
    for _, case in ipairs {
      { 0 / 0, "NaN" }, { { f = print }, "f: a function" }, { cycle, "contains itself" },
      { { 1, nil, 3 }, "[2]: is missing" }, { "\255", "UTF-8" },
    } do
      local record = run(function(self) self:step("a", function() return case[1] end) end)
      assert.equal("a", record.failed_step)
      assert.is_truthy(record.error.message:find(case[2], 1, true), record.error.message)
    end
  end)

  it("fails at once where its input can't be kept", function()
    local record = run(function(self) self:step("a", print, function() end) end)
    assert.equal("a", record.failed_step)
    assert.equal("config", record.error.kind)
  end)

  it("is tried again only by a policy of its own", function()
    local calls = 0
    local function fails()
      calls = calls + 1
      return nil, "not yet"
    end
    run(function(self) self:step("a", fails) end, { retry = { attempts = 3, initial_delay = 0 } })
    assert.equal(1, calls)
    local record = run(function(self)
      self:step("a", nil, fails, { retry = { attempts = 3, initial_delay = 0 } })
    end)
    assert.equal(4, calls)
    assert.equal(3, #record.log)
  end)

  it("is made again where its version is another", function()
    local version, fails, calls = 1, true, 0
    local record, flow = run(function(self)
      self:step("a", nil, function() calls = calls + 1 end, { version = version })
      if fails then error("stop") end
    end)
    fails = false
    record = flow:retry(record.id)
    assert.equal(1, calls)
    record = flow:fork(record.id)
    assert.equal(1, calls)
    version = 2
    assert.equal("done", flow:fork(record.id).status)
    assert.equal(2, calls)
  end)

  it("can't have steps, but another task may", function()
    local message = raised(function(self)
      self:step("outer", function()
        local ok, err = pcall(self.chat, self, "inner", ask("x"))
        assert(not ok)
        error(err, 0)
      end, { on_error = "return" })
      local _, err = self:step("outer", function() self:chat("inner", ask("x")) end,
        { on_error = "return" })
      error(err.message, 0)
    end)
    assert.is_truthy(message:find('step "inner": is in the step "outer"; ', 1, true), message)
    local record = run(function(self)
      local task = novita.spawn(function() return self:chat("b", ask("x")):text() end)
      self:step("a", function() novita.spawn(function() end):wait() end)
      return task:wait()
    end)
    assert.equal("x", record.result)
  end)

  it("refuses what it can't use", function()
    for pattern, body in pairs {
      ["step: expected a name, got nil"] = function(self) self:step(nil, os.time) end,
      ["step: expected a function, got nil"] = function(self) self:step("a", {}) end,
      ['options.on_err: unknown option; did you mean "on_error"?'] = function(self)
        self:step("a", nil, os.time, { on_err = "return" })
      end,
      ['options.on_error: expected one of "return", got "stop"'] = function(self)
        self:chat("a", ask("x"), { on_error = "stop" })
      end,
      ["options.version: expected a number or a text"] = function(self)
        self:chat("a", ask("x"), { version = {} })
      end,
      ['options.temperatur: unknown option'] = function(self)
        self:chat("a", ask("x"), { temperatur = 1 })
      end,
      ["run:chat(): call it with a colon"] = function(self) self.chat("a", ask("x")) end,
      ["each: expected a list of items, got a table"] = function(self)
        self:each("a", { x = 1 }, ask("x"))
      end,
      ["sleep: expected seconds, got -1"] = function(self) self:sleep("a", -1) end,
    } do
      local message = raised(body)
      assert.is_truthy(message:find(pattern, 1, true), message)
    end
  end)
end)

describe("a step of a call", function()
  flows.with()

  it("is a chat whose reply is the same when it is read back", function()
    local first, second
    local fails = true
    local record, flow = run(function(self)
      local reply = self:chat("a", ask('{"a":[1,2]}'))
      first, second = second or reply, reply
      if fails then error("stop") end
      return { reply:text(), reply:json().a[2], reply.usage.total_tokens, reply.model, reply.id }
    end)
    fails = false
    record = assert(flow:retry(record.id))
    assert.are_not.equal(first, second)
    assert.same(first, second)
    assert.equal(2, record.result[2])
    assert.equal("simulator/echo", record.result[4])
  end)

  it("does not fill templates unless it is given variables, and fills once", function()
    local record = run(function(self)
      return {
        self:chat("a", ask("{{x}}")):text(),
        self:chat("b", ask("{{x}}"), { vars = { x = "{{y}}" } }):text(),
        self:each("c", { "{{z}}" }, ask("{{item}} {{index}}"))[1]:text(),
      }
    end)
    assert.same({ "{{x}}", "{{y}}", "{{z}} 1" }, record.result)
  end)

  it("is streamed where its text is wanted meanwhile", function()
    local pieces = {}
    local record = run(function(self)
      return self:chat("a", ask("one two three"), {
        on_text = function(text) pieces[#pieces + 1] = text end,
      }):text()
    end)
    assert.equal("one two three", record.result)
    assert.is_true(#pieces > 1)
    assert.equal("one two three", table.concat(pieces))
  end)

  it("fails where the answer does not parse, and is asked anew", function()
    local sim = simulator.shared()
    sim:script { { answer = { content = "no JSON" } } }
    local record, flow = run(function(self)
      return self:chat("a", ask('{"ok":true}'), { parse = true }).parsed
    end)
    assert.equal("a", record.failed_step)
    assert.equal("invalid_response", record.error.kind)
    assert.same({ ok = true }, assert(flow:retry(record.id)).result)
  end)

  it("fails before it is sent where the request is wrong", function()
    local record = run(function(self)
      self:chat("a", { model = "m", message = "x", temperature = 9 })
    end)
    assert.equal("a", record.failed_step)
    assert.equal("temperature", record.error.param)
    record = run(function(self)
      local reply, err = self:chat("a", { message = "x", temperature = 9 }, { on_error = "return" })
      return { reply == nil, err.kind }
    end)
    assert.same({ true, "config" }, record.result)
    assert.same({}, asked())
  end)

  it("is any call of the API", function()
    local record = run(function(self)
      local vectors = self:embeddings("e", { model = "baai/bge-m3", input = { "a", "b" } })
      local ranks = self:rerank("r", { model = "baai/bge-reranker-v2-m3", query = "cat",
        documents = { "dog", "cat" } })
      local more = self:completions("c", { model = "simulator/echo", prompt = "go on" })
      local models = self:models("m")
      local any = self:request("q", { path = "/models" })
      return {
        #vectors.data, #ranks.results, type(more.choices[1].text), #models == #any.data,
      }
    end)
    assert.same({ 2, 2, "string", true }, record.result)
    assert.equal(5, #record.log)
    assert.equal("embeddings", record.log[1].kind)
  end)

  it("runs tools, and knows them by all but their functions", function()
    local calls, fails = 0, true
    local function request()
      return {
        model = "deepseek/deepseek-v3-0324", message = "Use get_weather: the weather in Paris?",
        tools = { {
          name = "get_weather", parameters = { type = "object" },
          call = function()
            calls = calls + 1
            return "sunny"
          end,
        } },
      }
    end
    local record, flow = run(function(self)
      local reply = self:tools("t", request())
      if fails then error("stop") end
      return reply:text()
    end)
    assert.equal(1, calls)
    fails = false
    record = assert(flow:retry(record.id))
    assert.is_truthy(record.result:find("sunny", 1, true), record.result)
    assert.equal(1, calls)
    assert.equal("tools", record.log[1].kind)
  end)

  it("can't be a stream, but for a chat", function()
    local record = run(function(self)
      self:completions("c", { model = "simulator/echo", prompt = "x", stream = true })
    end)
    assert.equal("c", record.failed_step)
    assert.equal("stream", record.error.param)
  end)
end)

describe("a step for each item", function()
  flows.with()

  it("keeps to its concurrency, and to the order of the items", function()
    simulator.shared():script { { delay = 0.3, uses = 3 } }
    local record = run(function(self)
      local list = self:each("e", { "a", "b", "c", "d", "e" }, ask("{{item}}"),
        { concurrency = 3 })
      local texts = {}
      for index, reply in ipairs(list) do texts[index] = reply:text() end
      return texts
    end)
    assert.same({ "a", "b", "c", "d", "e" }, record.result)
    assert.equal(3, simulator.shared():stats().most_active)
  end)

  it("sees the columns of a row", function()
    local record = run(function(self)
      return self:each("e", { { name = "Ada", born = 1815 } },
        ask("{{row.name}} {{item.born}}"))[1]:text()
    end)
    assert.equal("Ada 1815", record.result)
  end)

  it("may be a function", function()
    local record = run(function(self)
      return self:each("e", { 3, 4 }, function(item, index)
        if item == 4 then return nil end
        return item * index
      end)
    end)
    assert.same({ 3, true }, record.result)
  end)

  it("takes an empty list", function()
    local record = run(function(self) return core.array(self:each("e", {}, ask("x"))) end)
    assert.same({}, record.result)
  end)

  it("begins no other item where all would fail as well", function()
    simulator.shared():always { status = 401 }
    local record, flow = run(function(self)
      self:each("e", { "a", "b", "c", "d" }, ask("{{item}}"), { concurrency = 2 })
    end)
    assert.equal("authentication", record.error.kind)
    assert.equal(2, #asked())
    simulator.shared():reset()
    assert.equal("done", assert(flow:retry(record.id)).status)
    assert.equal(4, #asked())
  end)

  it("gives the errors where the flow handles them", function()
    simulator.shared():always { match = "bad", status = 400 }
    local record = run(function(self)
      local list, errors = self:each("e", { "bad", "good" }, ask("{{item}}"),
        { on_error = "return" })
      return { list[1], list[2]:text(), errors[1].kind }
    end)
    assert.same({ false, "good", "bad_request" }, record.result)
  end)

  it("names a template that is wrong, and the first item that it failed for", function()
    local record = run(function(self) self:each("e", { "x", "y" }, ask("{{item.name}}")) end)
    assert.equal("e", record.failed_step)
    assert.is_truthy(record.error.message:find("^2 of 2 items failed; item 1: message: line 1"),
      record.error.message)
  end)
end)

describe("a sleep", function()
  flows.with()

  it("waits, and a retry does not wait again", function()
    local fails = true
    local record, flow = run(function(self)
      self:sleep("nap", 0.1)
      if fails then error("stop") end
    end)
    assert.is_true(record.log[1].seconds >= 0.1)
    fails = false
    assert.is_true(streaming.took(function() record = flow:retry(record.id) end) < 0.1)
    assert.equal("done", record.status)
  end)

  it("does not hold up a run that pauses", function()
    local seconds = streaming.took(function()
      local record = run(function(self)
        novita.spawn(function() self:sleep("nap", 30) end)
        self:step("bad", function() return nil, "no" end)
      end)
      assert.equal("bad", record.failed_step)
    end)
    assert.is_true(seconds < 10)
  end)

  it("waits only for what is left where it was cut", function()
    local flow = flows.flow(function(self) self:sleep("nap", 0.4) end)
    local task = novita.spawn(function() return flow:start() end)
    require("novita.loop").here().sleep(0.25)
    task:cancel()
    local record = task:wait()
    assert.equal("nap", record.failed_step)
    local seconds = streaming.took(function() record = flow:retry(record.id) end)
    assert.equal("done", record.status)
    assert.is_true(seconds < 0.3, tostring(seconds))
  end)
end)
