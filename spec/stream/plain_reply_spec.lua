-- Plain answers whose choice has failed.

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local talk = require("spec.support.client")

local sim = simulator.shared()

describe("a plain answer whose choice has failed", function()
  local function fails(code)
    sim:reset()
    local body = assert(core.encode { choices = { { index = 0, finish_reason = "error",
      message = { role = "assistant", content = "a" },
      error = { code = code, message = "no" } } } })
    sim:script { { body = body }, { body = body } }
    local client = talk.client { retry = { attempts = 2, initial_delay = 0 } }
    local err = select(2, client:chat(talk.request()))
    assert.equal("api_error", err.kind)
    assert.equal(code, err.code)
    assert.equal("a", err.partial:text())
    return #sim:journal()
  end

  it("is tried again if its code says so", function()
    assert.equal(2, fails(502))
    assert.equal(2, fails(429))
    assert.equal(1, fails(400))
  end)

  it("does not show the key, nor does one that can't be used", function()
    for _, answer in ipairs {
      '{"choices":[{"index":0,"message":{"content":"a"},"error":{"message":"bad %s"}}]}',
      '{"choices":[{"index":0,"message":{"content":{"bad":"%s"}}}]}',
    } do
      for _, streamed in ipairs { false, true } do
        sim:reset()
        local body = answer:format(talk.KEY)
        local step = streamed and { events = { (body:gsub("message", "delta", 1)) } }
          or { body = body }
        sim:script { step }
        local request = talk.request { stream = streamed }
        local err = select(2, talk.client():chat(request))
        assert.is_string(err.body)
        assert.is_nil(err.body:find(talk.KEY, 1, true))
        assert.is_nil(err.message:find(talk.KEY, 1, true))
      end
    end
  end)
end)
