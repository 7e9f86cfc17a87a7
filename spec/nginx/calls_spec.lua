-- The same calls as in a script, in the phases of nginx that can wait; and a clear word in others.
-- Covers: lua/novita/loop/ngx.lua

local socket = require("socket")

local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()
local wire = require("spec.support.wire")

local CHAT = [[ tostring(here.client():chat(here.request)) ]]

local AT = {
  ["/chat"] = [[ ngx.say(]] .. CHAT .. [[) ]],
  ["/quick"] = [[ ngx.say("quick") ]],
  ["/stream"] = [[
    for text in assert(here.client():stream(here.request)):text() do
      ngx.print(text, "\n") ngx.flush(true)
    end ]],
  ["/on_text"] = [[
    local reply = assert(here.client():chat(here.request, { on_text = function(text)
      ngx.print(text, "\n") ngx.flush(true)
    end }))
    ngx.say(reply.choices[1].message.content) ]],
  ["/map"] = [[
    local words = { "a", "b", "c", "d", "e", "f", "g", "h" }
    local request = { model = "simulator/echo", message = "{{item}}" }
    local replies, summary = here.client():map(words, request)
    for _, reply in ipairs(replies) do ngx.print(tostring(reply)) end
    ngx.say(" ", summary.ok, " ", summary.seconds < 0.5 and "together" or "in turn") ]],
  ["/tasks"] = [[
    local novita = require("novita")
    local list = {}
    for index = 1, 3 do
      novita.spawn(function()
        assert(here.client():chat(here.request))
        list[#list + 1] = index
      end)
    end
    novita.run()
    ngx.say(#list)
    novita.spawn(function() error("in a task") end)
    ngx.say(select(2, pcall(novita.run)):match("in a task"))
    local task = novita.spawn(function() return "a", nil, "c" end)
    ngx.say(select("#", task:wait()), " ", task.done and "done") ]],
  ["/itself"] = [[
    local novita = require("novita")
    local task
    task = novita.spawn(function() ngx.sleep(0.01) task:wait() end)
    ngx.say((select(2, task:join())))
    ngx.say((select(2, pcall(function() task.wait() end)))) ]],
  ["/cancelled"] = [[
    local novita = require("novita")
    local task = novita.spawn(function()
      return novita.spawn(function() ngx.sleep(0.1) end):join()
    end)
    task:cancel()
    local _, ok, err = task:join()
    ngx.say(tostring(ok), " ", tostring(err)) ]],
  ["/abandoned"] = [[
    local novita = require("novita")
    local loop = require("novita.loop.ngx")
    local went_on = 0
    local function park() loop.sleep(60) went_on = went_on + 1 end
    novita.spawn(park):abandon() -- by its parent
    local other = novita.spawn(park)
    local join = novita.spawn(function() return select(2, other:join()) end)
    novita.spawn(function() -- by another thread
      loop.sleep(0.01)
      other:abandon()
    end)
    ngx.print(join:wait().kind, " ")
    local itself = novita.spawn(function()
      loop.current():abandon()
      ngx.print(tostring(loop.sleep(60)), " ")
    end)
    novita.run()
    ngx.say(went_on, " ", tostring(itself.ok)) ]],
  ["/abandoned_call"] = [[
    local task = require("novita").spawn(function() here.client():chat(here.request) end)
    ngx.sleep(0.05)
    task:abandon()
    require("novita").run()
    ngx.say("gone") ]],
  ["/retry"] = [[
    local policy = { attempts = 3, initial_delay = 0.1, jitter = 0 }
    local reply, info = here.client():chat(here.request, { retry = policy })
    ngx.say(tostring(reply), " ", #info.attempts) ]],
  ["/timeout"] = [[
    local _, err = here.client():chat(here.request, { deadline = 0.1 })
    ngx.say(err.kind, " ", err.reason) ]],
  ["/limit"] = [[
    local novita = require("novita")
    local client = here.client { limit = novita.limit { concurrency = 1 } }
    local replies, summary = client:map({ 1, 2, 3 }, here.request)
    ngx.say(summary.ok, " ", summary.seconds >= 0.3 and "in turn" or "together") ]],
  ["/timer"] = [[
    local text
    ngx.timer.at(0, function() text = ]] .. CHAT .. [[ end)
    while not text do ngx.sleep(0.01) end
    ngx.say(text) ]],
  ["/connections"] = [[
    for _ = 1, 3 do assert(here.client():chat(here.request)) end ]],
  ["/secure"] = [[
    local client = here.client { base_url = here.tls_url, ca_file = here.ca_file }
    ngx.say(tostring(client:chat(here.request))) ]],
  ["/wrapped"] = [[
    local texts = coroutine.wrap(function()
      for text in assert(here.client():stream(here.request)):text() do coroutine.yield(text) end
    end)
    for text in texts do ngx.print(text) end ]],
}

local SERVER = [[
  location = /access {
    access_by_lua_block { local here = require("here") ngx.ctx.text = ]] .. CHAT .. [[ }
    content_by_lua_block { ngx.say(ngx.ctx.text) }
  }
  location = /rewrite {
    rewrite_by_lua_block { local here = require("here") ngx.ctx.text = ]] .. CHAT .. [[ }
    content_by_lua_block { ngx.say(ngx.ctx.text) }
  }
  location = /set {
    set_by_lua_block $text { local here = require("here")
      return select(2, pcall(function() return ]] .. CHAT .. [[ end)) }
    content_by_lua_block { ngx.say(ngx.var.text) }
  }
  location = /filter {
    content_by_lua_block { ngx.say("text") }
    header_filter_by_lua_block { local here = require("here")
      ngx.header["X-Header"] = select(2, pcall(function() return ]] .. CHAT .. [[ end)) }
    body_filter_by_lua_block { local here = require("here")
      ngx.arg[1] = select(2, pcall(function() return ]] .. CHAT .. [[ end)) ngx.arg[2] = true }
    log_by_lua_block { local here = require("here")
      ngx.log(ngx.NOTICE, select(2, pcall(function() return ]] .. CHAT .. [[ end))) }
  }
]]

local HTTP = [[
  init_worker_by_lua_block { local here = require("here")
    ngx.log(ngx.NOTICE, select(2, pcall(function() return ]] .. CHAT .. [[ end)))
    ngx.timer.at(0, function() ngx.log(ngx.NOTICE, "said: ", ]] .. CHAT .. [[) end)
  }
]]

describe("#nginx: calls", function()
  local server

  setup(function()
    sim:reset()
    server = nginx.start { at = AT, server = SERVER, http = HTTP }
  end)

  teardown(function()
    sim:reset()
    local codes, complaints = server:stop()
    assert.same({ { 0 }, {} }, { codes, complaints })
  end)

  before_each(function() sim:reset() end)

  local function body(path) return (select(2, server:get(path))) end

  for _, path in ipairs { "/chat", "/access", "/rewrite", "/timer", "/secure" } do
    it("wait where nginx can: " .. path, function()
      assert.equal("Hi\n", body(path))
    end)
  end

  it("are refused where it can't, with what to do", function()
    local advice = "novita: nginx can't wait in the %s phase; start a timer there: "
      .. "ngx.timer.at(0, function() ... end)"
    assert.equal(advice:format("set") .. "\n", body("/set"))
    local _, text, head = server:get("/filter")
    assert.equal(advice:format("body_filter"), text)
    assert.is_truthy(head:find(advice:format("header_filter"), 1, true))
    for _, phase in ipairs { "log", "init_worker" } do
      assert.is_truthy(nginx.wait_for(function()
        return server:log():find(advice:format(phase), 1, true)
      end), phase)
    end
    assert.is_truthy(server:log():find("said: Hi", 1, true))
    assert.same({}, sim:journal())
  end)

  it("hold up nobody else", function()
    sim:script { { delay = 0.5 } }
    local connection = server:open("/chat")
    assert(sim:wait_for(function(entries) return entries[1] end))
    local since = socket.gettime()
    assert.equal("quick\n", body("/quick"))
    assert.is_true(socket.gettime() - since < wire.slack)
    assert.is_truthy(connection:receive("*a"):find("Hi\n$"))
    connection:close()
  end)

  for _, path in ipairs { "/stream", "/on_text" } do
    it("hand chunks over as they arrive: " .. path, function()
      sim:script { { answer = { content = "one two three four five" }, pace = 0.1 } }
      local connection = server:open(path)
      nginx.head(connection)
      local moments = {}
      for number = 1, 5 do
        assert(connection:receive("*l"))
        moments[number] = socket.gettime()
      end
      assert.is_true(moments[5] - moments[1] > 0.3)
      local rest = path == "/on_text" and "one two three four five" or nil
      assert.equal(rest, (connection:receive("*l")))
      connection:close()
    end)
  end

  it("go on in coroutines of the handler's", function()
    sim:script { { answer = { content = "one two three" } } }
    assert.equal("one two three", body("/wrapped"))
  end)

  it("map in light threads", function()
    sim:always { delay = 0.1 }
    assert.equal("abcdefgh 8 together\n", body("/map"))
  end)

  it("run as tasks", function()
    sim:always { delay = 0.1 }
    local since = socket.gettime()
    assert.equal("3\nin a task\n3 done\n", body("/tasks"))
    assert.is_true(socket.gettime() - since < 0.1 + wire.slack, socket.gettime() - since)
  end)

  it("give a task an error where it waits for itself, and where it is cancelled", function()
    local itself, point = body("/itself"):match("^([^\n]*)\n(.*)\n$")
    assert.is_truthy(itself:find("a task can't wait for itself", 1, true))
    assert.is_truthy(point:find(":%d+: task:wait%(%): call it with a colon$"), point)
    assert.equal("false cancelled: cancelled while waiting for a task\n", body("/cancelled"))
  end)

  it("end with a task that is abandoned, whoever does it, and the request ends", function()
    assert.equal("cancelled false 0 false\n", body("/abandoned"))
    sim:always { delay = 30 }
    assert.equal("gone\n", body("/abandoned_call"))
    assert.is_true(sim:wait_for(function(entries) return entries[1].aborted end))
  end)

  it("retry without blocking", function()
    sim:script { { status = 503 }, { status = 503 } }
    local connection = server:open("/retry")
    assert(sim:wait_for(function(entries) return entries[1] end))
    local since = socket.gettime()
    assert.equal("quick\n", body("/quick"))
    assert.is_true(socket.gettime() - since < wire.slack)
    assert.is_truthy(connection:receive("*a"):find("Hi 2\n$") or true)
    assert.equal(3, #sim:journal())
    connection:close()
  end)

  it("end at their deadline", function()
    sim:always { delay = 5 }
    local since = socket.gettime()
    assert.equal("timeout deadline\n", body("/timeout"))
    assert.is_true(socket.gettime() - since < 0.1 + wire.slack)
  end)

  it("wait for their turn", function()
    sim:always { delay = 0.1 }
    assert.equal("3 in turn\n", body("/limit"))
  end)

  it("keep connections from one request to the next", function()
    for _ = 1, 3 do body("/connections") end
    local seen = {}
    for _, entry in ipairs(sim:journal()) do seen[entry.connection] = true end
    local first = next(seen)
    assert.is_truthy(first)
    assert.is_nil(next(seen, first))
  end)

  it("get their answers, a hundred at once", function()
    sim:always { delay = 0.1 }
    local connections = {}
    for index = 1, 100 do connections[index] = server:open("/chat") end
    for _, connection in ipairs(connections) do
      assert.is_truthy(connection:receive("*a"):find("Hi\n$"))
      connection:close()
    end
  end)
end)
