-- Whoever waits for a model may vanish: then the model stops, within a tenth of a second, and
-- nothing is left behind.

local socket = require("socket")

local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()
local wire = require("spec.support.wire")

local SECONDS = 0.1 + wire.slack

local STREAM = [[
  local stream = assert(here.client():stream(here.request))
  for text in stream:text() do ngx.print(text) ngx.flush(true) end ]]

local AT = {
  ["/stream"] = STREAM,
  ["/chat"] = [[ ngx.say(tostring(here.client():chat(here.request))) ]],
  ["/elsewhere"] = [[
    local stream = assert(here.client():stream(here.request))
    for text in stream:text() do ngx.print(text) break end
    ngx.flush(true)
    ngx.sleep(60) stream:cancel() ]],
  ["/abandoned"] = [[
    local stream = assert(here.client():stream(here.request))
    for text in stream:text() do return ngx.print(text) end ]],
  ["/exit"] = [[
    ngx.thread.spawn(function() here.client():chat(here.request) end)
    ngx.sleep(0.05)
    ngx.exit(204) ]],
  ["/killed"] = [[
    local thread = ngx.thread.spawn(function() here.client():chat(here.request) end)
    ngx.sleep(0.05)
    ngx.say(tostring(ngx.thread.kill(thread))) ngx.flush(true)
    ngx.sleep(2) ]],
  ["/killed-stream"] = [[
    local thread = ngx.thread.spawn(function()
      for _ in here.client():stream(here.request):text() do end
    end)
    ngx.sleep(0.05)
    ngx.say(tostring(ngx.thread.kill(thread))) ngx.flush(true)
    ngx.sleep(2) ]],
  ["/cancelled"] = [[
    local task = require("novita.loop.ngx").spawn(function()
      return here.client():chat(here.request)
    end)
    ngx.sleep(0.05)
    task:cancel()
    local _, _, err = task:join()
    ngx.say(err.kind) ]],
  ["/cancelled-between"] = [[
    local task = require("novita.loop.ngx").spawn(function()
      local stream = here.client():stream(here.request)
      stream:next()
      ngx.sleep(0.1)
      return stream:reply()
    end)
    ngx.sleep(0.05)
    task:cancel()
    local _, _, err = task:join()
    ngx.say(err.kind) ]],
  ["/sibling"] = [[
    ngx.thread.spawn(function() here.client():chat(here.request) end)
    local thread = ngx.thread.spawn(function() ngx.sleep(0.05) error("sibling") end)
    ngx.thread.wait(thread)
    error("and its parent") ]],
  ["/exec"] = [[
    ngx.thread.spawn(function() here.client():chat(here.request) end)
    ngx.sleep(0.05)
    ngx.exec("/elsewhere-after") ]],
  ["/elsewhere-after"] = [[ ngx.sleep(2) ngx.say("after") ]],
  ["/count"] = [[ collectgarbage() collectgarbage() ngx.say(collectgarbage("count")) ]],
}

local SILENT = { cut_pieces = 3, ending = "stall" }
local FLOWING = { answer = { content = ("word "):rep(1000) }, pace = 0.005 }
local THINKING = { delay = 60 }

local function a_transfer(signal)
  local server

  setup(function()
    server = nginx.start {
      at = AT, without = signal.without, server = "lua_check_client_abort on;",
    }
  end)

  teardown(function()
    local codes = server:stop()
    sim:reset()
    assert.same({ 0 }, codes)
  end)

  before_each(function() sim:reset() end)

  local function stops_within(seconds, since, number)
    local entry = sim:wait_for(function(entries)
      return entries[number or 1] and entries[number or 1].client_closed
    end)
    assert.is_truthy(entry, "the model goes on")
    assert.is_true(socket.gettime() - since < seconds, socket.gettime() - since)
  end

  -- Opens a path, reads until its first bytes if there are to be any, and leaves.
  local function leaves(path, step, reads)
    sim:always(step)
    local connection = server:open(path)
    if reads then
      nginx.head(connection)
      assert(connection:receive(1))
    else
      assert(sim:wait_for(function(entries) return entries[1] end))
      socket.sleep(0.05)
    end
    local since = socket.gettime()
    connection:close()
    return since
  end

  it("stops when the client leaves while tokens flow", function()
    stops_within(SECONDS, leaves("/stream", FLOWING, true))
  end)

  it("stops when the client leaves while the model is silent", function()
    stops_within(SECONDS, leaves("/stream", SILENT, true))
  end)

  it("stops when the client leaves before the first byte", function()
    stops_within(SECONDS, leaves("/chat", THINKING))
    sim:reset()
    stops_within(SECONDS, leaves("/stream", THINKING))
  end)

  it("stops when the client leaves while the handler waits for something else", function()
    stops_within(SECONDS, leaves("/elsewhere", FLOWING, true))
  end)

  it("stops when the handler returns without reading on", function()
    sim:always(FLOWING)
    local status, body = server:get("/abandoned")
    assert.same({ 200, "word" }, { status, body })
    stops_within(SECONDS, socket.gettime())
  end)

  it("stops when the request exits", function()
    sim:always(THINKING)
    assert.equal(204, (server:get("/exit")))
    stops_within(SECONDS, socket.gettime())
  end)

  for path, step in pairs { ["/killed"] = THINKING, ["/killed-stream"] = SILENT } do
    it("stops when its thread is killed: " .. path, function()
      sim:always(step)
      local connection = server:open(path)
      nginx.head(connection)
      assert.equal("1", connection:receive("*l"))
      stops_within(SECONDS, socket.gettime())
      connection:close()
    end)
  end

  it("stops when its thread is killed while others have waited in silence", function()
    sim:always(THINKING)
    local silent = server:open("/chat")
    socket.sleep(0.3)
    local connection = server:open("/killed")
    nginx.head(connection)
    assert.equal("1", connection:receive("*l"))
    stops_within(SECONDS, socket.gettime(), 2)
    assert.is_nil(sim:journal()[1].client_closed)
    silent:close()
    connection:close()
  end)

  it("stops when its task is cancelled, which learns of it", function()
    sim:always(THINKING)
    local status, body = server:get("/cancelled")
    assert.same({ 200, "cancelled\n" }, { status, body })
    stops_within(SECONDS, socket.gettime())
  end)

  it("stops when its task was cancelled while that did something else", function()
    sim:always(SILENT)
    local status, body = server:get("/cancelled-between")
    assert.same({ 200, "cancelled\n" }, { status, body })
    stops_within(SECONDS, socket.gettime())
  end)

  it("stops when a sibling's error ends the request", function()
    sim:always(THINKING)
    assert.equal(500, (server:get("/sibling")))
    stops_within(SECONDS, socket.gettime())
  end)

  it("stops when the request goes elsewhere", function()
    sim:always(THINKING)
    local connection = server:open("/exec")
    assert(sim:wait_for(function(entries) return entries[1] end))
    stops_within(SECONDS + 0.05, socket.gettime())
    connection:close()
  end)

  it("leaves no descriptor, thread or memory", function()
    local function round()
      for _ = 1, 10 do
        leaves("/stream", FLOWING, true)
        leaves("/stream", SILENT, true)
        leaves("/chat", THINKING)
      end
    end
    local function rest()
      socket.sleep(1.3) -- the driver has ended
      return server:usage(), tonumber((select(2, server:get("/count"))))
    end
    round()
    local before, memory_before = rest()
    for _ = 1, 3 do round() end
    local after, memory_after
    for _ = 1, 8 do -- a busy machine takes longer to end the driver and what it has open
      after, memory_after = rest()
      if after.threads == 1 and after.descriptors <= before.descriptors then break end
    end
    assert.equal(1, after.threads)
    assert.is_true(after.descriptors <= before.descriptors,
      before.descriptors .. " -> " .. after.descriptors)
    assert.is_true(memory_after < memory_before + 100, memory_before .. " -> " .. memory_after)
    assert.is_true(after.memory < before.memory + 2048, before.memory .. " -> " .. after.memory)
  end)
end

for _, signal in ipairs(nginx.SIGNALS) do
  describe("#nginx: a transfer whose owner is gone, where " .. signal.name, function()
    a_transfer(signal)
  end)
end
