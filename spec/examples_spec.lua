-- Every example runs against the simulator, and says what it should.

local compat = require("novita.compat")

local child = require("spec.support.child")
local talk = require("spec.support.talk")

local MODEL = "meta-llama/llama-3.3-70b-instruct"

-- What is in the output, in this order; the arguments come first.
local expected = {
  ["hello.lua"] = { { "Why is the sky blue?" }, 'You asked: "Why is the sky blue?"',
    MODEL .. ": ", " tokens (", " asked, ", " answered)\n" },
  ["models.lua"] = { { "llama" }, "model  ", "context", "in", "out\n",
    "meta-llama/llama-3.1-8b-instruct ", " 16384 ", " $0.39 ", " $0.39\n", MODEL },
  ["errors.lua"] = { {},
    "a temperature of 3\n  config: temperature: 3 is not within 0 to 2\n",
    "  -> mend the field temperature\n",
    "a wrong key\n  authentication FAILED_TO_AUTH 401: failed to authenticate API key (request ",
    "  -> check NOVITA_API_KEY\n",
    "an unknown model\n  not_found MODEL_NOT_FOUND 404: model not found (request ",
    "  -> the server said 404\n",
    "a server that is not there\n  connection connect: ", "  -> look at the network: connect\n",
    'nothing wrong\n  You asked: "Hi"' },
}

local function environment(more)
  local all = { NOVITA_BASE_URL = talk.sim.url, NOVITA_API_KEY = "sk_example" }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function check(output, parts)
  local from = 1
  for index = 2, #parts do
    local _, last = output:find(parts[index], from, true)
    assert.is_truthy(last, ("%q is not in what follows %d bytes of\n%s"):format(
      parts[index], from, output))
    from = last + 1
  end
end

describe("the example", function()
  for path in io.popen("ls examples/*.lua"):lines() do
    local name = path:match("[^/]+$")
    it(name .. " runs", function()
      talk.sim:reset()
      local parts = expected[name] or { {} }
      local output, _, status = child.run_file(path, environment(), compat.unpack(parts[1]))
      assert.are.equal(0, status, output)
      check(output, parts)
    end)
  end

  for _, name in ipairs { "hello.lua", "models.lua" } do
    it(name .. " says in one line why it can't", function()
      local output, _, status = child.run_file("examples/" .. name,
        environment { NOVITA_BASE_URL = "nonsense" })
      assert.are.equal(1, status)
      assert.is_truthy(output:find("^config: base_url: [^\n]+\n$"), output)
    end)
  end
end)
