-- Values as JSON: what comes back, and what is refused.

local core = require("novita.core")
local frozen = require("novita.workflow.frozen")
local novita = require("novita")

describe("a frozen value", function()
  it("comes back as it was", function()
    for _, value in ipairs {
      "text", "", "\0\n", 0, -1.5, 9007199254740991, true, false, {}, core.array {}, { 1, 2 },
      { a = { b = { "c" } } }, { novita.null, 1 },
    } do
      local json = assert(frozen.write(value))
      local again = frozen.read(json)
      assert.same(value, again)
      assert.equal(json, frozen.write(again))
    end
    assert.is_nil(frozen.read(assert(frozen.write(nil))))
    assert.equal("1", frozen.write(1.0))
  end)

  it("is not what JSON can't have", function()
    local cycle = {}
    cycle[1] = cycle
    for _, value in ipairs {
      print, 0 / 0, math.huge, { 1, nil, 3 }, { [5] = 1 }, { 1, x = 2 }, cycle, "\255",
      coroutine.create(function() end),
    } do
      local json, err = frozen.write(value)
      assert.is_nil(json)
      assert.equal("config", err.kind)
      assert.is_nil(frozen.copy(value))
    end
  end)
end)

describe("a frozen error", function()
  local function again(err) return frozen.read_error(frozen.write_error(err)) end

  it("has the fields that tell what has failed, and no other", function()
    local err = again(core.error {
      kind = "rate_limit", message = "too many", status = 429, code = "C", request_id = "r",
      retry_after = 2, attempts = { {} }, headers = { ["x-key"] = "secret" }, partial = {},
    })
    assert.equal("rate_limit 429: too many (request r)", tostring(err))
    assert.equal("C", err.code)
    assert.equal(2, err.retry_after)
    assert.is_nil(err.headers)
    assert.is_nil(err.partial)
  end)

  it("may be a text, with a traceback apart, or any value", function()
    local err = again("file.lua:3: no luck\nstack traceback:\n\t[C]: in ?")
    assert.equal("callback_error", err.kind)
    assert.equal("file.lua:3: no luck", err.message)
    assert.equal("stack traceback:\n\t[C]: in ?", err.traceback)
    assert.equal("true", again(true).message)
    assert.equal("caf? au lait", again("caf\233 au lait").message)
    assert.equal("one?two", again("one\0two").message)
  end)

  it("may be a value whose metatable raises, or gives no text", function()
    local function raise() error("in a metamethod") end
    for _, mt in ipairs {
      { __tostring = raise }, { __tostring = function() return {} end }, { __index = raise },
    } do
      assert.equal("callback_error", again(setmetatable({}, mt)).kind)
    end
  end)

  it("has no field that a column could not hold", function()
    for _, value in ipairs { 0 / 0, 1 / 0, 1.5, 2 ^ 40, "400", {} } do
      local err = again { kind = "k", message = "m", status = value }
      assert.equal("k", err.kind)
      assert.is_nil(err.status)
    end
    assert.equal("callback_error", again({ kind = 7 }).kind)
  end)
end)

describe("a key", function()
  it("is the same for equal inputs alone", function()
    local key = frozen.key("chat", nil, "{}")
    assert.equal(64, #key)
    assert.equal(key, frozen.key("chat", 1, "{}"))
    for _, other in ipairs { { "step", 1, "{}" }, { "chat", 2, "{}" }, { "chat", 1, "[]" } } do
      assert.are_not.equal(key, frozen.key(other[1], other[2], other[3]))
    end
  end)
end)
