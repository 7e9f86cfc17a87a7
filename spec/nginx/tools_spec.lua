-- Tools that run and conversations in nginx: the same as in a script, and nobody else is held up.

local socket = require("socket")

local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()
local tooling = require("spec.support.tooling")
local wire = require("spec.support.wire")

-- A tool that asks the model something itself; the simulator is slow to answer that.
local TOOLS = [[
  local function ask(arguments)
    local message = "inner " .. arguments.x
    local reply, err = here.client():chat { model = "simulator/echo", message = message }
    return reply and reply:text(), err
  end
  local tools = { { name = "ask", call = ask } }
]]

local AT = {
  ["/quick"] = [[ ngx.say("quick") ]],
  ["/tools"] = TOOLS .. [[
    local request = { model = "simulator/echo", message = "Hi", tools = tools }
    local reply, info = assert(here.client():run_tools(request))
    for _, call in ipairs(info.turns[1].calls) do ngx.say(call.content) end
    ngx.say(reply:text(), " ", #info.messages) ]],
  ["/conversation"] = TOOLS .. [[
    local chat = here.client():conversation { model = "simulator/echo", tools = tools }
    ngx.say(tostring(assert(chat:send("One"))))
    for text in assert(chat:stream("Two")):text() do ngx.print(text) end
    ngx.say(" ", #chat.messages) ]],
  ["/raises"] = TOOLS .. [[
    tools[1].call = function() ngx.sleep(0.01) error({ "broken" }) end
    local chat = here.client():conversation { model = "simulator/echo", tools = tools }
    local ok, err = pcall(chat.send, chat, "Hi")
    ngx.say(tostring(ok), " ", err[1], " ", #chat.messages) ]],
  ["/cancelled"] = TOOLS .. [[
    local chat = here.client():conversation { model = "simulator/echo", tools = tools }
    local task = require("novita").spawn(function() return chat:send("Hi") end)
    ngx.sleep(0.2)
    task:cancel()
    local ok, _, err = task:join()
    ngx.say(tostring(ok), " ", err.kind, " ", #chat.messages) ]],
  ["/deadline"] = TOOLS .. [[
    local request = { model = "simulator/echo", message = "Hi", tools = tools }
    local _, err = here.client():run_tools(request, { deadline = 0.2 })
    ngx.say(err.kind, " ", err.reason) ]],
}

local CALLS = tooling.calls({ "ask", { x = 1 } }, { "ask", { x = 2 } })

describe("#nginx: tools that run", function()
  local server

  setup(function()
    sim:reset()
    server = nginx.start { at = AT, server = "lua_check_client_abort on;" }
  end)

  teardown(function()
    sim:reset()
    local codes, complaints = server:stop()
    assert.same({ { 0 }, {} }, { codes, complaints })
  end)

  before_each(function() sim:reset() end)

  local function script(...)
    sim:script { { match = '"inner ', delay = 0.3, uses = 2 }, ... }
  end

  local function body(path) return (select(2, server:get(path))) end

  local function inner_requests(entries)
    local list = {}
    for _, entry in ipairs(entries) do
      if entry.body and entry.body:find('"inner ', 1, true) then list[#list + 1] = entry end
    end
    return list
  end

  it("run at the same time, and hold up nobody else", function()
    script(CALLS, tooling.says("both"))
    local since = socket.gettime()
    local connection = server:open("/tools")
    assert(sim:wait_for(function(entries) return #inner_requests(entries) == 2 end))
    local before = socket.gettime()
    assert.equal("quick\n", body("/quick"))
    assert.is_true(socket.gettime() - before < wire.slack)
    nginx.head(connection)
    assert.equal("inner 1\ninner 2\nboth 5\n", connection:receive("*a"))
    assert.is_true(socket.gettime() - since < 0.6 + wire.slack)
    connection:close()
  end)

  it("run in conversations", function()
    script(CALLS, tooling.says("both"), tooling.says("one two"))
    assert.equal("both\none two 7\n", body("/conversation"))
    for _, messages in ipairs(tooling.sent()) do tooling.check(messages) end
  end)

  it("raise what a function raises", function()
    script(CALLS)
    assert.equal("false broken 0\n", body("/raises"))
  end)

  it("are stopped by a cancel and by a deadline, with their own calls", function()
    for path, said in pairs {
      ["/cancelled"] = "true cancelled 0\n", ["/deadline"] = "timeout deadline\n",
    } do
      sim:reset()
      sim:script { { match = '"inner ', delay = 5, uses = 2 }, CALLS }
      assert.equal(said, body(path))
      assert.is_truthy(sim:wait_for(function(entries)
        local list = inner_requests(entries)
        return list[2] and list[1].client_closed and list[2].client_closed
      end), path)
    end
  end)

  it("end with their request", function()
    sim:script { { match = '"inner ', delay = 5, uses = 2 }, CALLS }
    local connection = server:open("/tools")
    assert(sim:wait_for(function(entries) return #inner_requests(entries) == 2 end))
    connection:close()
    assert.is_truthy(sim:wait_for(function(entries)
      local list = inner_requests(entries)
      return list[1].client_closed and list[2].client_closed
    end))
  end)
end)
