-- How a worker learns that there is work for libcurl: chosen by the environment or by an option.
-- Covers: src/lua/nginx.c src/nginx/event.c src/nginx/notifier.c src/nginx/symbol.c

local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()

local THREADS = { event = 1, thread = 2, timer = 1 }

local function stream(options)
  return [[
    local stream = assert(here.client(]] .. options .. [[):stream(here.request))
    for text in stream:text() do ngx.print(text, "\n") ngx.flush(true) end ]]
end

local AT = {
  ["/plain"] = stream "",
  ["/event"] = stream "{ nginx_wakeup = 'event' }",
  ["/thread"] = stream "{ nginx_wakeup = 'thread' }",
  ["/timer"] = stream "{ nginx_wakeup = 'timer' }",
  ["/wrong"] = [[ ngx.say(select(2, pcall(here.client, { nginx_wakeup = "bell" }))) ]],
}

describe("#nginx: the wake-up of a worker", function()
  local server

  before_each(function()
    sim:reset()
    sim:always { answer = { content = "one two three" }, pace = 0.02 }
  end)

  after_each(function()
    local codes = server:stop()
    assert.same({ 0 }, codes)
  end)

  local function start(variable)
    server = nginx.start { at = AT, environment = { NOVITA_NGINX_WAKEUP = variable } }
  end

  -- A stream arrives whole; the driver, which is there for a second more, has so many threads.
  local function streams(path, way)
    local _, text = server:get(path)
    assert.equal("one\n two\n three\n", text)
    assert.equal(THREADS[way], server:usage().threads)
  end

  it("is an event of nginx's own loop by default", function()
    start()
    streams("/plain", "event")
  end)

  for way in pairs(THREADS) do
    it("may be named by NOVITA_NGINX_WAKEUP: " .. way, function()
      start(way)
      streams("/plain", way)
    end)

    it("may be named by the option nginx_wakeup: " .. way, function()
      start(way == "thread" and "event" or "thread")
      streams("/" .. way, way)
    end)
  end

  it("stays an event where the environment names something else, which is logged", function()
    start("bell")
    streams("/plain", "event")
    assert.is_truthy(server:log():find("NOVITA_NGINX_WAKEUP is not event, thread or timer: bell"))
  end)

  it("refuses any other option, by its name and value", function()
    start()
    local _, text = server:get("/wrong")
    assert.is_truthy(text:find('nginx_wakeup: expected one of "event", "thread", "timer"', 1, true),
      text)
    assert.is_truthy(text:find('"bell"', 1, true), text)
  end)
end)
