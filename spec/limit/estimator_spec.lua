local generator = require("spec.support.random")
local estimator = require("novita.limit.estimator")

describe("estimator.estimate", function()
  local function prompt(request)
    local _, count = estimator.estimate(request)
    return count
  end

  it("counts a token for four bytes of ASCII, and for three of others", function()
    assert.are.equal(3 + 250, prompt { message = ("word "):rep(200) })
    assert.are.equal(3 + 200, prompt { message = ("\228\189\160\229\165\189"):rep(100) }) -- 你好
    assert.are.equal(3 + 1, prompt { message = "\240\159\152\128" } - 1) -- an emoji
  end)

  it("counts all that makes the prompt", function()
    local text = ("word "):rep(80)
    local one = prompt { message = text }
    assert.is_true(prompt { system_prompt = text, message = text } >= 2 * one - 3)
    assert.is_true(prompt { messages = { { role = "user", content = text } } } > one)
    assert.is_true(prompt {
      messages = { { role = "user", content = { { type = "text", text = text } } } },
      tools = { { type = "function", ["function"] = { name = "f", description = text } } },
    } > 2 * one)
    assert.are.equal(3, prompt { model = text })
  end)

  it("takes media for a thousand, not for their bytes", function()
    local url = "data:image/png;base64," .. ("A"):rep(100000)
    local count = prompt { messages = { { role = "user", content = {
      { type = "text", text = "What is this?" }, { type = "image_url", image_url = { url = url } },
    } } } }
    assert.is_true(count > 1000 and count < 1020)
  end)

  it("adds what may be answered", function()
    local base = prompt { message = "Hi" }
    for _, case in ipairs {
      { 100, { max_tokens = 100 } }, { 100, { max_tokens = "100" } },
      { 300, { max_tokens = 100, n = 3 } }, { 50, { max_completion_tokens = 50 } },
      { 1024, {} }, { 1024, { max_tokens = "{{count}}" } },
    } do
      case[2].message = "Hi"
      assert.are.equal(base + case[1], (estimator.estimate(case[2])))
    end
  end)

  it("survives a request that holds itself", function()
    local message = { role = "user" }
    message.content = { message }
    assert.is_number(estimator.estimate { messages = { message } })
  end)

  it("is quick with a megabyte", function()
    local start = os.clock()
    estimator.estimate { message = ("\200x"):rep(512 * 1024) }
    assert.is_true(os.clock() - start < 1)
  end)
end)

describe("estimator.used", function()
  it("finds the total, or nothing", function()
    assert.are.equal(27, estimator.used { usage = { total_tokens = 27 } })
    for _, reply in ipairs { {}, { usage = {} }, { usage = "27" }, "reply" } do
      assert.is_nil(estimator.used(reply))
    end
    assert.is_nil(estimator.used(nil))
  end)
end)

describe("a history", function()
  it("believes estimates at first", function()
    assert.are.equal(500, estimator.history():expect(500, 3))
  end)

  it("learns what share is used, and sets a little more aside", function()
    local random, self = generator(3), estimator.history()
    for _ = 1, 500 do self:learn(1000, 100 + math.floor(random() * 200)) end
    local last = 400
    for busy = 1, 100 do
      local expected = self:expect(1000, busy)
      assert.is_true(expected > 200 and expected <= last)
      last = expected
    end
    assert.is_true(last < 230)
  end)

  it("sets no more aside than a generous estimate says", function()
    local random, self = generator(3), estimator.history()
    for _ = 1, 500 do self:learn(600, math.floor(random() * 600)) end
    assert.are.equal(600, self:expect(600, 1))
    assert.is_true(self:expect(600, 50) < 450)
  end)

  it("learns that estimates are too low", function()
    local self = estimator.history()
    for _ = 1, 300 do self:learn(100, 150) end
    assert.is_near(150, self:expect(100, 1), 2)
  end)

  it("learns nothing from a call that was not estimated", function()
    local self = estimator.history()
    self:learn(0, 100)
    assert.are.equal(500, self:expect(500, 1))
  end)
end)
