-- What goes wrong behind nginx, and in front of it: refused, cut, unknown and slow names, slow
-- clients; and nginx without what makes novita fast.

local socket = require("socket")

local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local SLOW_NAME = os.getenv("LUA_CPATH"):match("^[^;]+"):gsub("%?", "spec/support/slowname")

local AT = {
  ["/chat"] = [[
    local options = { base_url = ngx.var.arg_url, connect_timeout = tonumber(ngx.var.arg_connect) }
    local reply, err = here.client(options):chat(here.request)
    ngx.say(tostring(reply or err.kind .. " " .. tostring(err.reason))) ]],
  ["/stream"] = [[
    local stream = assert(here.client():stream(here.request))
    local ok, err = pcall(function()
      for text in stream:text() do
        if not (ngx.print(text, "\n") and ngx.flush(true)) then stream:cancel() end
      end
    end)
    ngx.say(ok and "whole" or err.kind) ]],
  ["/quick"] = [[ ngx.say("quick") ]],
  ["/name"] = [[
    local thread = ngx.thread.spawn(function()
      here.client { base_url = "http://slow.example/v1" }:chat(here.request)
    end)
    ngx.sleep(0.05)
    local core = require("novita.core")
    local since = core.now()
    ngx.thread.kill(thread)
    ngx.sleep(0.1)
    ngx.say(core.now() - since < ]] .. wire.slack .. [[ and "at once" or core.now() - since) ]],
  ["/trip"] = [[
    local methods = debug.getregistry()["novita.pool"].__index
    local dispatch = methods.dispatch
    function methods.dispatch()
      methods.dispatch = dispatch
      error("tripped")
    end
    ngx.say("tripped") ]],
}

describe("#nginx: behind it", function()
  local server

  before_each(function() sim:reset() end)

  after_each(function()
    if not server then return end
    local codes, complaints = server:stop()
    assert.same({ 0 }, codes)
    assert.same({}, complaints)
  end)

  local function start(options)
    options = options or {}
    options.at = AT
    server = nginx.start(options)
  end

  local function body(path) return (select(2, server:get(path))) end

  it("a server that refuses, cuts or says nothing is an error of the call", function()
    start()
    assert.equal("connection connect\n", body("/chat?url=" .. simulator.refused()))
    sim:script { { cut = 20 }, { ending = "reset", cut_head = 10 } }
    assert.equal("connection reset\n", body("/chat"))
    assert.equal("connection reset\n", body("/chat"))
    local url, close = simulator.deaf()
    assert.equal("timeout connect\n", body("/chat?connect=0.1&url=" .. url))
    close()
    assert.equal("Hi\n", body("/chat"))
  end)

  it("a stream that is cut does not look whole", function()
    start()
    sim:script { { answer = { content = "one two three" }, cut_pieces = 4 } }
    local text = body("/stream")
    assert.is_truthy(text:find("^one"))
    assert.is_nil(text:find("whole"))
    assert.is_truthy(text:find("connection") or text:find("stream_truncated"))
  end)

  it("a slow name server holds up nobody, and no end", function()
    start { preload = SLOW_NAME, environment = { NAME_SECONDS = "3" } }
    local connection = server:open("/chat?url=http://slow.example/v1")
    socket.sleep(0.05)
    local since = socket.gettime()
    assert.equal("quick\n", body("/quick"))
    assert.is_true(socket.gettime() - since < wire.slack)
    assert.equal("timeout connect\n", body("/chat?connect=0.1&url=http://other.example/v1"))
    assert.equal("at once\n", body("/name"))
    connection:close()
    assert.is_true(socket.gettime() - since < 1 + wire.slack)
  end)

  it("a client that reads slowly slows the model down, and memory stays flat", function()
    start { server = "send_timeout 60s; lua_socket_log_errors off;" }
    local event = 'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
    event = event:format(("x"):rep(1000))
    sim:script { {}, { body = event, body_times = 30000, content_type = "text/event-stream" } }
    body("/stream")
    local before = server:usage()
    local connection = assert(socket.tcp())
    connection:setoption("recv-buffer-size", 4096)
    assert(connection:connect("127.0.0.1", server.port))
    assert(connection:send("GET /stream HTTP/1.0\r\n\r\n"))
    local most = 0
    for _ = 1, 20 do
      socket.sleep(0.05)
      most = math.max(most, server:usage().memory)
    end
    connection:close()
    assert.is_true(most < before.memory + 4096, before.memory .. " -> " .. most)
    assert.is_truthy(sim:wait_for(function(entries) return entries[2].client_closed end))
  end)

  it("without a signal the driver looks by itself", function()
    start { without = "event notifier" }
    sim:script { { answer = { content = "one two three" }, pace = 0.02 } }
    local since = socket.gettime()
    assert.equal("one\n two\n three\nwhole\n", body("/stream"))
    assert.is_true(socket.gettime() - since < 0.1 + wire.slack)
    assert.equal(1, server:usage().threads)
  end)

  for _, signal in ipairs(nginx.SIGNALS) do
    it("a failure in looking after the pool is logged and no end, where " .. signal.name, function()
      start { without = signal.without }
      sim:script { { answer = { content = ("word "):rep(100) }, pace = 0.02 } }
      local connection = server:open("/stream")
      nginx.head(connection)
      assert.equal("tripped\n", body("/trip"))
      local before = server:usage().cpu
      local text = connection:receive("*a")
      assert.equal("whole\n", text:match("[^\n]*\n$"))
      assert.is_true(server:usage().cpu - before < 0.5, server:usage().cpu - before)
      assert.is_truthy(server:log():find("tripped", 1, true))
      assert.same({ 0 }, (server:stop("TERM")))
      server = nil -- whose log has the error
    end)
  end

  it("without a timer those who wait look by themselves", function()
    start { http = "lua_max_pending_timers 0;" }
    sim:script { { answer = { content = "one two three" }, pace = 0.02 } }
    assert.equal("one\n two\n three\nwhole\n", body("/stream"))
    assert.equal("Hi\n", body("/chat"))
  end)

  it("a driver that never runs is noticed", function()
    start { http = [[
      lua_max_running_timers 1;
      init_worker_by_lua_block {
        ngx.timer.at(0, function() while not ngx.worker.exiting() do ngx.sleep(0.1) end end)
      } ]] }
    socket.sleep(0.1)
    assert.equal("Hi\n", body("/chat"))
    assert.same({ 0 }, (server:stop("TERM")))
    server = nil -- whose log has nginx's alerts
  end)

  it("nothing leaks while servers fail", function()
    start()
    local function round()
      for _ = 1, 20 do
        body("/chat?url=" .. simulator.refused())
        sim:script { { cut = 20 }, { answer = { content = "one two three" }, cut_pieces = 2 } }
        body("/chat")
        body("/stream")
      end
      socket.sleep(1.3)
      return server:usage()
    end
    local before = round()
    round()
    local after = round()
    assert.equal(1, after.threads)
    assert.is_true(after.descriptors <= before.descriptors)
    assert.is_true(after.memory < before.memory + 2048, before.memory .. " -> " .. after.memory)
  end)
end)
