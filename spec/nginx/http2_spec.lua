-- A call over HTTP/2 that is given up in nginx ends for the model at once, alone and beside others
-- on its connection. The server is nghttpx in front of the simulator.

local http2 = require("spec.support.http2")
local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()
local streaming = require("spec.support.streaming")
local wire = require("spec.support.wire")

local SECONDS = 0.1 + wire.slack

local front = http2.start()
if not front then pending(http2.MISSING) return end

local CLIENT = ("local one = here.client { base_url = %q, ca_file = %q } "):format(front.url,
  front.ca_file)

local AT = {
  ["/stream"] = CLIENT .. [[
    local stream = assert(one:stream(here.request))
    for text in stream:text() do ngx.print(text) ngx.flush(true) end ]],
  ["/cancel"] = CLIENT .. [[
    local stream = assert(one:stream(here.request))
    for text in stream:text() do ngx.print(text) ngx.flush(true) break end
    stream:cancel()
    ngx.sleep(2) ]],
  ["/deadline"] = CLIENT .. [[
    local stream = assert(one:stream(here.request, { deadline = 0.2 }))
    ngx.print(stream:next().choices[1].delta.content) ngx.flush(true)
    stream:next()
    ngx.sleep(2) ]],
}

describe("#nginx: over HTTP/2, a call that is given up ends for the server", function()
  local server

  setup(function()
    server = nginx.start { at = AT, server = "lua_check_client_abort on;" }
  end)

  teardown(function()
    local codes = server:stop()
    sim:reset()
    front:stop()
    assert.same({ 0 }, codes)
  end)

  before_each(function()
    sim:reset()
    sim:always(streaming.silent { streaming.chunk("a") })
  end)

  -- Opens a path and reads its first text.
  local function open(path)
    local connection = server:open(path)
    nginx.head(connection)
    assert.equal("a", connection:receive(1))
    return connection
  end

  local function open_others(count)
    local others = {}
    for number = 1, count do others[number] = open("/stream") end
    return others
  end

  -- One, and no other, ends within so many seconds.
  local function one_ends(seconds)
    local function ended()
      local count = 0
      for _, entry in ipairs(sim:journal()) do
        count = count + (entry.client_closed and 1 or 0)
      end
      return count
    end
    assert.is_truthy(sim:wait_for(function() return ended() > 0 end, seconds), "it goes on")
    assert.equal(1, ended())
  end

  for _, count in ipairs { 0, 20 } do
    describe(("beside %d others"):format(count), function()
      local others

      before_each(function() others = open_others(count) end)

      after_each(function()
        for _, connection in ipairs(others) do connection:close() end
        sim:wait_for(function() return sim:stats().active == 0 end)
      end)

      it("when the client leaves", function()
        open("/stream"):close()
        one_ends(SECONDS)
      end)

      it("when the handler cancels it", function()
        local connection = open("/cancel")
        one_ends(SECONDS)
        connection:close()
      end)

      it("when its deadline has passed", function()
        local connection = open("/deadline")
        one_ends(SECONDS + 0.2)
        connection:close()
      end)
    end)
  end

  it("each of many in a row", function()
    for number, connection in ipairs(open_others(20)) do
      connection:close()
      assert.is_truthy(sim:wait_for(function() return sim:stats().active == 20 - number end,
        SECONDS))
    end
  end)
end)
