-- Records of runs: found by the first letters of an id, listed by a filter, with their log.

local novita = require("novita")

local flows = require("spec.support.flows")
local sim = require("spec.support.simulator_client").shared()

local ask = flows.ask

for _, engine in ipairs(flows.engines) do
  describe("the records of runs, by " .. engine.name, function()
    flows.with(engine)

    -- Runs that are done, paused and queued, of two workflows.
    local function some()
      local fails = flows.flow(function(run) run:step("a", function() return nil, "no" end) end)
      local other = assert(novita.workflow("other", function() return 1 end, flows.options()))
      return assert(other:start { n = 1 }), assert(fails:start()),
        assert(other:start({ n = 2 }, { queue = true }))
    end

    local function ids(filter)
      local list = {}
      for index, record in ipairs(assert(flows.store():runs(filter))) do list[index] = record.id end
      return list
    end

    it("count tokens however odd the usage of an answer", function()
      for index, case in ipairs {
        { '{"prompt_tokens":1.5,"completion_tokens":"7"}', 2, 7 },
        { '{"prompt_tokens":[],"completion_tokens":{}}', nil, nil }, { '"7"', nil, nil },
        { '{"prompt_tokens":1e300,"total_tokens":-1}', 2 ^ 40, nil },
      } do
        sim:reset()
        sim:always { status = 200, body = ('{"object":"chat.completion","choices":[{"index":0,'
          .. '"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":%s}')
          :format(case[1]) }
        local record = assert(flows.flow(function(run)
          return run:chat("only", flows.ask("usage " .. index)):text()
        end):start())
        assert.same({ "done", case[2], case[3] },
          { record.status, record.log[1].prompt_tokens, record.log[1].completion_tokens })
      end
    end)

    it("are listed, the newest first", function()
      local done, paused, queued = some()
      assert.same({ queued.id, paused.id, done.id }, ids())
      assert.same({ queued.id, done.id }, ids { flow = "other" })
      assert.same({ paused.id }, ids { status = "paused" })
      assert.same({ queued.id }, ids { status = "queued", flow = "other" })
      assert.same({ queued.id, paused.id }, ids { limit = 2 })
      assert.same({}, ids { flow = "nothing" })
      assert.same({}, ids { status = "crashed" })
      local ok, err = pcall(flows.store().runs, flows.store(), { stat = "done" })
      assert.is_false(ok)
      assert.is_truthy(err:find('runs.stat: unknown option; did you mean "status"?', 1, true), err)
    end)

    it("are there without what is damaged in them, which they name", function()
      local store = flows.store()
      local flow = flows.flow(function(run) return run:chat("a", flows.ask("a")):text() end)
      local id = flow:start().id
      assert(store:query("update step set input = '[1', result = ''"))
      for column, text in pairs { trigger = "{no", result = "[1", error = "7" } do
        assert(store:query(("update run set %s = $1"):format(column), text))
        local record = assert(store:run(id, { content = true }))
        local said = ("run %s: its %s can't be read: "):format(id, column)
        assert.are.equal("corrupt", record.error.reason)
        assert.are.equal(said, record.error.message:sub(1, #said))
        assert.are.same({ id, nil, nil }, { store:runs()[1].id, record.log[1].input,
          record.log[1].answer })
        assert(store:query(("update run set %s = null"):format(column)))
      end
    end)

    it("are found by the first letters of their id", function()
      local done = some()
      local store = flows.store()
      assert.equal(done.id, assert(store:run(done.id:sub(1, 8))).id)
      assert.same(done, assert(store:run(done.id)))
      assert.same({ "config", "config" }, {
        select(2, store:run("zzz")).kind, select(2, store:run("%")).kind,
      })
    end)

    it("have a log with times, tokens, the request's id and errors", function()
      local flow = flows.flow(function(run)
        run:chat("a", ask("Hello there"))
        run:step("b", { n = 1 }, function() return nil, "no luck" end)
      end)
      local record = assert(flow:start())
      local chat, step = record.log[1], record.log[2]
      assert.same({ "a", "chat", 1, 1, "done", 200 },
        { chat.step, chat.kind, chat.pass, chat.attempt, chat.state, chat.status })
      assert.is_true(chat.seconds > 0 and chat.seconds < 5)
      assert.is_true(chat.at >= record.started_at - 0.01)
      assert.is_true(chat.prompt_tokens > 0 and chat.completion_tokens > 0)
      assert.equal(chat.prompt_tokens, record.prompt_tokens)
      assert.is_string(chat.request_id)
      assert.same({ kind = "callback_error", message = "no luck" }, step.error)
      assert.is_nil(chat.input)
      assert.is_true(record.ended_at >= record.started_at)
    end)

    it("have what was asked and answered where that is wanted", function()
      local flow = flows.flow(function(run) run:chat("a", ask("Hello there")) end)
      local entry = flows.store():run(flow:start().id, { content = true }).log[1]
      assert.equal("Hello there", entry.input.messages[1].content)
      assert.equal("Hello there", entry.answer.choices[1].message.content)
    end)

    it("hold no key, in any column", function()
      local flow = flows.flow(function(run)
        run:chat("a", ask("x"))
        run:request("b", { path = "/models", headers = { ["x-mine"] = "my_secret" } })
      end, { api_key = "sk_very_secret", headers = { ["x-mine"] = "sk_other_secret" } })
      assert.equal("done", flow:start().status)
      local store = flows.store()
      for _, name in ipairs { "run", "step", "attempt" } do
        for _, row in ipairs(assert(store:query("select * from " .. name))) do
          for column = 1, row.n do
            assert.is_nil(tostring(row[column]):find("secret", 1, true))
          end
        end
      end
    end)
  end)
end
