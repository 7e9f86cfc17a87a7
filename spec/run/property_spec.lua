-- Random conversations with tools: whatever comes of one, each call was made once at most and
-- answered once, in its order, and the messages are such as the API takes.

local compat = require("novita.compat")
local core = require("novita.core")

local poll = require("novita.loop.poll")
local talk = require("spec.support.client")
local generator = require("spec.support.random")
local tooling = require("spec.support.tooling")

local CONVERSATIONS, BATCH = 300, 20

-- What tools do. An argument x that is no integer is told to the model, and nothing is called.
local KINDS = { "ok", "ok", "ok", "fails", "fails", "slow", "slow", "asks", "empty", "bad", "none" }

local function pick(random, list)
  return list[math.floor(random() * #list) + 1]
end

local function between(random, least, most)
  return least + math.floor(random() * (most - least + 1))
end

-- What a plan is: the turns of each message, and in them calls, each with its id and its kind.
local function plan_of(random, number)
  local plan = {
    number = number, messages = {}, made = {}, stream = random() < 0.3, raised = { "broken" },
    max_turns = between(random, 2, 6), keep_partial = random() < 0.3,
  }
  for message = 1, between(random, 1, 2) do
    local turns = {}
    for turn = 1, between(random, 1, 5) - 1 do
      turns[turn] = {}
      for index = 1, between(random, 1, 4) do
        local kind = random() < 0.03 and "raises" or pick(random, KINDS)
        turns[turn][index] = {
          kind = kind, id = ("%d-%d-%d-%d"):format(number, message, turn, index),
        }
        plan.raises = plan.raises or kind == "raises"
      end
    end
    plan.messages[message] = {
      turns = turns, cancel = random() < 0.25 and random() * 0.06 or nil,
      on_text = random() < 0.5, enough = random() < 0.1,
    }
  end
  return plan
end

-- The steps of the simulator for a plan.
local function add_steps(steps, plan)
  local marker = ("conversation %d."):format(plan.number)
  for _, message in ipairs(plan.messages) do
    for _, turn in ipairs(message.turns) do
      local list = {}
      for index, call in ipairs(turn) do
        list[index] = {
          call.kind == "none" and "nothing" or call.kind, { x = call.kind == "bad" and "1" or 1 },
          call.id,
        }
      end
      local step = tooling.calls(compat.unpack(list))
      step.match = marker
      steps[#steps + 1] = step
    end
    steps[#steps + 1] = tooling.says("that is all", { match = marker })
  end
end

local WAIT = 0.01

-- The tools: each counts its calls by their ids.
local function tools_of(plan)
  local function counted(fn)
    return function(arguments, context)
      plan.made[context.id] = (plan.made[context.id] or 0) + 1
      return fn(context.id, arguments)
    end
  end
  local functions = {
    ok = function(id) return id end,
    fails = function(id) return nil, id end,
    slow = function(id)
      if not poll.sleep(WAIT) then return nil, "cancelled" end
      return id
    end,
    asks = function(id)
      return assert(talk.client():chat { model = talk.MODEL, message = id }):text()
    end,
    empty = function() end,
    bad = function(id) return id end,
    raises = function()
      poll.sleep(WAIT / 2)
      error(plan.raised)
    end,
  }
  local list = {}
  for name, fn in pairs(functions) do list[#list + 1] = tooling.tool(name, counted(fn)) end
  return list
end

-- What the model has to be told of a call.
local function expected(call)
  if call.kind == "fails" then return "error: " .. call.id end
  if call.kind == "empty" then return "done" end
  if call.kind == "bad" or call.kind == "none" then return nil end
  return call.id
end

-- Says a message, perhaps as a stream; returns what send would.
local function say(plan, chat, message)
  local options = { max_turns = plan.max_turns, keep_partial = plan.keep_partial }
  if message.on_text then options.on_text = function() return not message.enough end end
  local text = ("conversation %d."):format(plan.number)
  if not plan.stream then return chat:send(text, options) end
  local stream, err = chat:stream(text, options)
  if not stream then return nil, err end
  if message.enough then
    stream:next()
    return stream:stop()
  end
  return stream:reply()
end

-- Each call that was answered has what its kind says, in the order of the plan.
local function check_results(plan, messages)
  local contents, calls = {}, {}
  for _, message in ipairs(messages) do
    if message.role == "tool" then contents[message.tool_call_id] = message.content end
  end
  for _, message in ipairs(plan.messages) do
    for _, turn in ipairs(message.turns) do
      for _, call in ipairs(turn) do calls[call.id] = call end
    end
  end
  for id, content in pairs(contents) do
    local call = assert(calls[id], id)
    local wanted = expected(call)
    if wanted then assert.are.equal(wanted, content) end
    if not wanted then assert.is_truthy(content:find("^error: "), content) end
    local made = (call.kind == "bad" or call.kind == "none") and 0 or 1
    assert.are.equal(made, plan.made[id] or 0, id)
  end
  for id, count in pairs(plan.made) do assert.are.equal(1, count, id) end
end

-- Is this how a message may end?
local function check_outcome(plan, message, ok, reply, info)
  if not ok then
    assert.are.equal(plan.raised, reply)
    return "raised"
  end
  if reply then
    assert.is_true(reply.incomplete ~= true or message.enough)
    tooling.check(info.messages)
    check_results(plan, info.messages)
    return reply.incomplete and "stopped" or "answered"
  end
  tooling.check(info.messages)
  check_results(plan, info.messages)
  if info.kind == "tool_turns" then
    assert.is_true(#message.turns >= plan.max_turns)
  else
    assert.are.equal("cancelled", info.kind, tostring(info))
    assert.is_truthy(message.cancel)
  end
  return info.kind
end

-- Says one message in a task that is perhaps cancelled.
local function perform(plan, chat, message)
  local before = core.encode(chat.messages)
  local task, ok, reply, info
  task = poll.spawn(function()
    poll.sleep(0)
    ok, reply, info = compat.pcall(say, plan, chat, message)
  end)
  if message.cancel then
    poll.sleep(message.cancel)
    task:cancel()
  end
  task:wait()
  local outcome = check_outcome(plan, message, ok, reply, info)
  tooling.check(chat.messages)
  check_results(plan, chat.messages)
  local kept = outcome == "answered"
    or plan.keep_partial and (outcome == "stopped" or outcome == "cancelled")
  if not kept then assert.are.equal(before, core.encode(chat.messages)) end
  return outcome
end

local function converse(plan, counts)
  local chat = talk.client():conversation {
    model = talk.MODEL, tools = tools_of(plan), messages = core.array {},
  }
  for _, message in ipairs(plan.messages) do
    local outcome = perform(plan, chat, message)
    counts[outcome] = (counts[outcome] or 0) + 1
    if outcome ~= "answered" then return end -- the simulator has steps left
  end
end

describe("in random conversations", function()
  it("each call is answered once, in its order, and the messages are valid", function()
    local random, counts = generator(13), {}
    for first = 1, CONVERSATIONS, BATCH do
      talk.sim:reset()
      local steps, plans, running = {}, {}, {}
      for number = first, first + BATCH - 1 do
        plans[#plans + 1] = plan_of(random, number)
        add_steps(steps, plans[#plans])
      end
      talk.sim:script(steps)
      for index, plan in ipairs(plans) do
        running[index] = poll.spawn(function() converse(plan, counts) end)
      end
      for _, task in ipairs(running) do task:wait() end
      for _, messages in ipairs(tooling.sent()) do tooling.check(messages) end
    end
    for _, outcome in ipairs { "answered", "stopped", "cancelled", "raised", "tool_turns" } do
      assert.is_true((counts[outcome] or 0) > 5, outcome .. ": " .. tostring(counts[outcome]))
    end
    if os.getenv("NOVITA_SPEC_FIGURES") then
      for outcome, count in pairs(counts) do print("conversations " .. outcome, count) end
    end
  end)
end)
