-- A step is known by its name, its version and its input, and made only if it has no result yet.

local core = require("novita.core")
local novita = require("novita")
local poll = require("novita.loop.poll")

local flows = require("spec.support.flows")

-- Runs a body; returns its record.
local function run(body, options)
  local flow = flows.flow(body, options)
  return assert(flow:start()), flow
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

  it("fails at once where its input can't be kept", function()
    local record = run(function(self) self:step("a", print, function() end) end)
    assert.equal("a", record.failed_step)
    assert.equal("config", record.error.kind)
  end)

  it("is kept with all that it raised, also with NUL bytes in it", function()
    local function raised(fn)
      return run(function(self) self:step("a", fn) end).error
    end
    for _, fn in ipairs {
      function() error("one\0two", 0) end, function() return nil, "one\0two" end,
      function() error { kind = "other", message = "one\0two" } end,
      function() error(setmetatable({}, { __tostring = function() return "one\0two" end })) end,
    } do
      assert.equal("one?two", raised(fn).message)
    end
    local record = run(function() error("one\0two", 0) end)
    assert.equal("one?two", record.error.message)
    record = run(function(self)
      self:each("b", { 1 }, function() error("one\0two", 0) end)
    end)
    assert.is_truthy(record.error.message:find("item 1: one?two", 1, true), record.error.message)
  end)

  it("gives the run up, with the store's error, where the flow has closed the store", function()
    local store
    for _, body in ipairs {
      function(self) self:step("a", function() store:close() end) end,
      function(self)
        store:close()
        pcall(self.step, self, "a", function() return 1 end)
        error("not to be reached")
      end,
      function() store:close() end,
    } do
      store = assert(novita.store(flows.address()))
      local record, err = flows.flow(body, { store = store }):start()
      assert.same({ "store" }, { record or err.kind })
      assert.is_truthy(err.message:find("the store is closed", 1, true), err.message)
    end
  end)

  it("keeps its result where the file of the store was deleted meanwhile", function()
    local made, path = 0, flows.address()
    local flow = flows.flow(function(self)
      self:step("a", function()
        made = made + 1
        if made == 1 then os.execute("rm '" .. path .. "'*") end
        return made
      end)
      return self:step("b", function() return "b" end)
    end)
    local record, err = flow:start()
    assert.same({ nil, "moved" }, { record, err.reason })
    local crashed = flows.store():runs()[1]
    assert.same({ "crashed", "done" }, { crashed.status, flow:retry(crashed.id).status })
    assert.same({ 1, path .. ".rescued" }, { made, err.message:match("is in (.*):") })
  end)

  it("keeps its result where the disk is full for a moment", function()
    local store, made = flows.store(), 0
    local record = flows.flow(function(self)
      return #self:step("a", function()
        made = made + 1
        assert(store:query("pragma max_page_count = 1"))
        novita.spawn(function()
          poll.sleep(0.3)
          assert(store:query("pragma max_page_count = 100000"))
        end)
        return ("x"):rep(500000)
      end)
    end):start()
    assert.same({ "done", 500000, 1 }, { record.status, record.result, made })
  end)

  it("pauses the run where what the store has of it is damaged", function()
    local fails = true
    local flow = flows.flow(function(self)
      self:step("a", function() return "a" end)
      if fails then error("not yet") end
    end)
    local id = flow:start().id
    fails = false
    assert(flows.store():query("update step set result = '{\"a'"))
    local record = flow:retry(id)
    assert.same({ "paused", "a", "corrupt" },
      { record.status, record.failed_step, record.error.reason })
    assert.equal("done", flow:fork(id, "a").status)
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
end)
