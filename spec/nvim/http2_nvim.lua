-- A call over HTTP/2 that is given up in Neovim ends for the server at once, alone and beside
-- others on its connection. The server is nghttpx in front of the simulator.

local editor = require("spec.support.editor")
local http2 = require("spec.support.http2")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")

local SECONDS = 0.1 * (tonumber(os.getenv("NOVITA_SPEC_SLOWNESS")) or 1)
local AFTERWARDS = 0.5

local front = http2.start()
if not front then pending(http2.MISSING) return end

-- Starts streams, of which each gives one text and is silent then; gives up the last; and sends
-- another request, over a connection of its own, some time later.
local CODE = [[
  local novita = require("novita")
  local one = client { base_url = %q, ca_file = %q }
  local streams, tasks = {}, {}
  for number = 1, %d do
    tasks[number] = novita.spawn(function()
      local stream = assert(one:stream(request()))
      stream:next()
      streams[number] = stream
      while stream:next() do end
    end)
    wait(function() return streams[number] end)
  end
  local stream, task = streams[#streams], tasks[#tasks]
  %s
  vim.wait(%d)
  local marker = client()
  novita.spawn(function() marker:models() end):wait()
]]

local WAYS = {
  ["cancelling a stream"] = "stream:cancel()",
  ["stopping a stream"] = "stream:stop()",
  ["cancelling a task"] = "task:cancel()",
}

describe("in Neovim, over HTTP/2,", function()
  local sim

  setup(function() sim = simulator.shared() end)
  teardown(function() front:stop() end)
  before_each(function()
    sim:reset()
    sim:always(streaming.silent({ streaming.chunk("a") }, { match = "Hello there" }))
  end)

  -- When the server saw the end of the first that ended, and when the last request came.
  local function moments()
    local ended, marker = math.huge, nil
    for _, entry in ipairs(sim:journal()) do
      ended = math.min(ended, entry.client_closed or math.huge)
      marker = entry.path:find("models", 1, true) and entry.received or marker
    end
    return ended, assert(marker)
  end

  for name, give_up in pairs(WAYS) do
    for _, others in ipairs { 0, 20 } do
      it(("%s reaches the server, beside %d others"):format(name, others), function()
        editor.run(CODE:format(front.url, front.ca_file, others + 1, give_up, AFTERWARDS * 1000))
        local ended, marker = moments()
        assert.is_true(ended < marker - AFTERWARDS + SECONDS, ended - marker)
      end)
    end
  end
end)

-- Tasks that cancel a stream after some texts and then read another to its end. Gives what was
-- wrong: errors, and answers that are not the numbered pieces in their order.
local CANCEL_AND_READ = [[
  local novita = require("novita")
  local one, wrong, whole = client { base_url = %q, ca_file = %q, retry = "none" }, {}, 0
  local function read(count)
    local stream, texts = assert(one:stream(request())), {}
    while #texts < count do
      local text, err = stream:next_text()
      if err then wrong[#wrong + 1] = tostring(err) end
      if not text then break end
      texts[#texts + 1] = text
      if tonumber(text:match("^%%d+")) ~= #texts then wrong[#wrong + 1] = text:sub(1, 20) end
    end
    stream:cancel()
    return #texts
  end
  local tasks = {}
  for number = 1, 5 do
    tasks[number] = novita.spawn(function()
      for round = 1, 8 do
        read(number * round)
        if read(math.huge) == %d then whole = whole + 1 end
      end
    end)
  end
  for _, task in ipairs(tasks) do task:wait() end
  return { wrong = wrong, whole = whole }
]]

local PIECES = 100

describe("in Neovim, over HTTP/2, with connections that close after a few requests,", function()
  local sim, closing

  setup(function()
    sim, closing = simulator.shared(), http2.start("--frontend-max-requests=7")
  end)

  teardown(function()
    sim:reset()
    closing:stop()
  end)

  it("cancelled streams leave nothing in the answers of others", function()
    local events = {}
    for number = 1, PIECES do
      events[number] = streaming.chunk(number .. ("x"):rep(1000))
    end
    events[PIECES + 1] = streaming.finish("stop")
    sim:reset()
    sim:always { match = "Hello there", events = events }
    assert.same({ wrong = {}, whole = 40 },
      (editor.run(CANCEL_AND_READ:format(closing.url, closing.ca_file, PIECES))))
  end)
end)
