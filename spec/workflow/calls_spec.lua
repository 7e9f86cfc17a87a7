-- Steps that call the API.

local flows = require("spec.support.flows")
local simulator = require("spec.support.simulator_client")

local ask, asked = flows.ask, flows.asked

-- Runs a body; returns its record.
local function run(body, options)
  local flow = flows.flow(body, options)
  return assert(flow:start()), flow
end

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
