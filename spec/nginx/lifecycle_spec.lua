-- Workers come and go with streams in flight: nothing is lost, nothing hangs, all end well.
-- Covers: lua/novita/loop/ngx_worker.lua

local socket = require("socket")

local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()
local wire = require("spec.support.wire")

local AT = {
  ["/stream"] = [[
    for text in assert(here.client():stream(here.request)):text() do
      ngx.print(text) ngx.flush(true)
    end ]],
  ["/chat"] = [[ ngx.print(tostring(here.client():chat(here.request))) ]],
}

local TEXT = ("word "):rep(39) .. "word"

local function a_worker(signal)
  local server

  before_each(function()
    sim:reset()
    sim:always { answer = { content = TEXT }, pace = 0.01 }
  end)

  after_each(function() server:stop("TERM") end)

  local function start(options)
    options.at, options.without = AT, signal.without
    server = nginx.start(options)
  end

  -- Some streams whose first bytes are here.
  local function streams(count)
    local list = {}
    for index = 1, count do
      list[index] = server:open("/stream")
      nginx.head(list[index])
      assert(list[index]:receive(1))
    end
    return list
  end

  local function rests(connections)
    local list = {}
    for index, connection in ipairs(connections) do
      local all, _, part = connection:receive("*a")
      list[index] = all or part
      connection:close()
    end
    return list
  end

  local function whole(count)
    local list = {}
    for index = 1, count do list[index] = TEXT:sub(2) end
    return list
  end

  for _, workers in ipairs { 1, 2 } do
    it(("of %d finishes its streams when nginx reloads, and leaves"):format(workers), function()
      start { workers = workers }
      local old = server:workers()
      local connections = streams(8)
      server:signal("HUP")
      assert(nginx.wait_for(function() return server:workers()[1] ~= old[1] end))
      local _, text = server:get("/chat")
      assert.equal(TEXT, text) -- by a new one
      assert.same(whole(8), rests(connections))
      assert.is_truthy(nginx.wait_for(function() return #server:exits() == workers end, 3))
      local codes, complaints = server:stop()
      assert.equal(2 * workers, #codes)
      for _, code in ipairs(codes) do assert.equal(0, code) end
      assert.same({}, complaints)
    end)
  end

  it(("has %d thread(s) while it streams"):format(signal.threads), function()
    start {}
    local connections = streams(2)
    assert.equal(signal.threads, server:usage().threads)
    rests(connections)
    assert.same({ { 0 }, {} }, { server:stop() })
  end)

  it("finishes its streams when nginx is asked to quit", function()
    start { workers = 2 }
    local connections = streams(4)
    server:signal("QUIT")
    assert.same(whole(4), rests(connections))
    assert.is_true(server:ended(3))
    assert.same({ 0, 0 }, server:exits())
  end)

  it("leaves at once when idle", function()
    start {}
    server:get("/chat")
    local since = socket.gettime()
    assert.same({ { 0 }, {} }, { server:stop() })
    assert.is_true(socket.gettime() - since < 0.3 + wire.slack, socket.gettime() - since)
  end)

  it("stops its transfers when nginx is terminated", function()
    start { workers = 2 }
    sim:always { answer = { content = ("word "):rep(1000) }, pace = 0.005 }
    local connections = streams(8)
    local since = socket.gettime()
    local codes = server:stop("TERM")
    assert.same({ 0, 0 }, codes)
    assert.is_true(socket.gettime() - since < 1 + wire.slack)
    assert.is_truthy(sim:wait_for(function(entries)
      for index = 1, 8 do if not entries[index].client_closed then return false end end
      return true
    end, 0.1 + wire.slack))
    rests(connections)
  end)

  it("stops its transfers at worker_shutdown_timeout", function()
    start { workers = 1, main = "worker_shutdown_timeout 300ms;" }
    sim:always { answer = { content = ("word "):rep(2000) }, pace = 0.005 }
    local connections = streams(8)
    server:signal("HUP")
    assert.is_truthy(nginx.wait_for(function() return #server:exits() == 1 end, 2))
    assert.same({ 0 }, server:exits())
    assert.is_truthy(sim:wait_for(function(entries)
      for index = 1, 8 do if not entries[index].client_closed then return false end end
      return true
    end, 0.1 + wire.slack))
    rests(connections)
  end)

  it("stops silent models at worker_shutdown_timeout", function()
    start { workers = 1, main = "worker_shutdown_timeout 300ms;" }
    sim:always { answer = { content = TEXT }, cut_pieces = 4, ending = "stall" }
    local connections = streams(4)
    server:signal("HUP")
    assert.is_truthy(nginx.wait_for(function() return #server:exits() == 1 end, 2))
    assert.same({ 0 }, server:exits())
    rests(connections)
  end)

  it("survives five reloads under load", function()
    start { workers = 2 }
    sim:always { answer = { content = TEXT }, pace = 0.005 }
    local texts = {}
    for _ = 1, 5 do
      local connections = streams(4)
      server:signal("HUP")
      for _, text in ipairs(rests(connections)) do texts[#texts + 1] = text end
    end
    assert.same(whole(20), texts)
    local codes, complaints = server:stop()
    for _, code in ipairs(codes) do assert.equal(0, code) end
    assert.same({}, complaints)
  end)

  it("leaks nothing with lua_code_cache off", function()
    start { http = "lua_code_cache off;" }
    sim:always {}
    local function round(count)
      for _ = 1, count do assert.equal("Hi", (select(2, server:get("/chat")))) end
      socket.sleep(1.5)
      return server:usage()
    end
    local before = round(200) -- many VMs live at once: the memory they had stays the process's
    local after = round(200)
    assert.equal(1, after.threads)
    assert.is_true(after.descriptors <= before.descriptors,
      before.descriptors .. " -> " .. after.descriptors)
    assert.is_true(after.memory < before.memory + 8192, before.memory .. " -> " .. after.memory)
    assert.same({ 0 }, (server:stop()))
  end)

  it("has its own connections, and keeps them", function()
    start { workers = 2 }
    sim:always {}
    for _ = 1, 40 do assert.equal("Hi", (select(2, server:get("/chat")))) end
    local used = {}
    for _, entry in ipairs(sim:journal()) do used[entry.connection] = true end
    local count = 0
    for _ in pairs(used) do count = count + 1 end
    assert.is_true(count <= 2)
    assert.same({ 0, 0 }, (server:stop()))
  end)
end

for _, signal in ipairs(nginx.SIGNALS) do
  describe("#nginx: a worker, where " .. signal.name, function() a_worker(signal) end)
end
