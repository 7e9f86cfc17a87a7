-- What the body of a flow calls: steps of functions, of calls of the API, of lists, and sleeps.

local core = require("novita.core")
local novita = require("novita")

local flows = require("spec.support.flows")
local streaming = require("spec.support.streaming")

local ask = flows.ask

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

  it("fails where it raises nothing, false, or a value that has no text", function()
    local hostile = setmetatable({}, {
      __tostring = function() error("no text") end, __index = function() error("no field") end,
    })
    for index = 1, 3 do
      local value = ({ [2] = false, [3] = hostile })[index]
      for _, options in ipairs { {}, { retry = { attempts = 2, initial_delay = 0 } } } do
        local record = run(function(self)
          self:step("a", function() error(value, 0) end, options)
        end)
        assert.equal("a", record.failed_step)
        assert.equal("callback_error", record.error.kind)
      end
      local record = run(function() error(value, 0) end)
      assert.equal("(code)", record.failed_step)
      record = run(function(self)
        local got, err = self:step("a", function() error(value, 0) end, { on_error = "return" })
        return { nothing = got == nil, kind = err.kind }
      end)
      assert.same({ nothing = true, kind = "callback_error" }, record.result)
    end
  end)

  it("may return any table, whatever its metatable, and any second value", function()
    local strict = setmetatable({ a = 1 }, { __index = function() error("no such field") end })
    for _, more in ipairs { strict, { status = {}, request_id = {} }, { status = 0.5 } } do
      local record = run(function(self)
        return self:step("a", function() return strict, more end)
      end)
      assert.same({ a = 1 }, record.result)
    end
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
      ["step: expected a name in UTF-8"] = function(self) self:step("a\255", os.time) end,
      ["without NUL"] = function(self) self:step("a\0b", os.time) end,
      ["sleep: expected seconds, got inf"] = function(self) self:sleep("a", math.huge) end,
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
      ["each: the list of items has a hole"] = function(self)
        self:each("s", { 1, nil, 3 }, print)
      end,
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

  it("is no longer than it was to be where the clock was set back meanwhile", function()
    local flow = flows.flow(function(self) self:sleep("nap", 0.2) end)
    local task = novita.spawn(function() return flow:start() end)
    require("novita.loop").here().sleep(0.1)
    task:cancel()
    local record = task:wait()
    assert(flows.store():query("update step set started_at = started_at + 86400"))
    task = novita.spawn(function() return flow:retry(record.id) end)
    require("novita.loop").here().sleep(0.4)
    task:cancel()
    assert.equal("done", task:wait().status)
  end)
end)
