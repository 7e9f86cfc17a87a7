-- What reentrant_run.lua has run by interpreters of their own, in which a collection is cheap: each
-- function is a case, and raises what is wrong.

local core = require("novita.core")
local novita = require("novita")

local inside = require("spec.support.inside")
local poll = require("novita.loop.poll")
local timers = require("novita.loop.timers")

local cases = {}

local URL = os.getenv("SIMULATOR")
local request = { model = "deepseek/deepseek-v3-0324", message = "Hello there" }

local function client()
  return novita.new { base_url = URL, api_key = "sk_spec", retry = "none" }
end

local function expect(wanted, got)
  if wanted == got then return end
  error(("expected %s, got %s"):format(tostring(wanted), tostring(got)), 2)
end

-- Cancels the stream that is being read.
function cases.cancels()
  for _, read in ipairs { "next", "text", "chunks", "reply" } do
    local stream, err = assert(client():stream(request)), nil
    inside.finalizers(function() stream:cancel() end, function()
      if read == "next" or read == "reply" then
        repeat
          local chunk
          chunk, err = stream[read](stream)
        until not chunk
      else
        err = select(2, pcall(function() for _ in stream[read](stream) do end end)) -- luacheck: ignore
      end
    end)
    expect("cancelled", (assert(type(err) == "table" and err, read .. ": " .. tostring(err))).kind)
    expect(err, select(2, stream:next()))
  end
end

-- Reads on in the transfer that is being read: nothing is lost, nothing comes twice.
function cases.reads_on()
  local pool, texts = core.pool(), {}
  local copy = { stream = true }
  for name, value in pairs(request) do copy[name] = value end
  local transfer = assert(pool:chat(copy, { base_url = URL, api_key = "sk_spec" }))
  local ended, nested = false, 0
  local function read()
    local chunk, err = transfer:next()
    assert(not err, err)
    if chunk then texts[#texts + 1] = chunk.choices[1].delta.content end
    if chunk == false then ended = true end
    return chunk
  end
  inside.finalizers(function()
    if ended then return end
    pool:poll(0)
    if read() then nested = nested + 1 end
  end, function()
    while not ended do
      read()
      if not ended then pool:poll(0.01) end
    end
  end)
  assert(nested > 0, "no chunk was read inside")
  local whole = table.concat(texts)
  for i = 1, 40 do
    expect(20, select(2, whole:gsub(("piece %d "):format(i), "")))
  end
  pool:close()
end

-- Feeds and reads the parser that is being read.
function cases.parses()
  local parser, datas, fed = core.sse(), {}, 0
  local function feed()
    fed = fed + 1
    local data = ("x" .. fed):rep(3000)
    parser:feed(("event: e%d\nid: %d\ndata: %s\n\n"):format(fed, fed, data))
  end
  local function read()
    local kind, data, id = parser:next()
    if kind then
      expect("e" .. id, kind)
      expect(("x" .. id):rep(3000), data)
      table.insert(datas, id)
    end
  end
  for _ = 1, 20 do feed() end
  inside.finalizers(function()
    if fed < 100 then feed() end
    read()
  end, function()
    for _ = 1, 100 do read() end
  end)
  for _ = 1, 100 do read() end
  table.sort(datas, function(a, b) return tonumber(a) < tonumber(b) end)
  expect(fed, #datas)
  for index, id in ipairs(datas) do expect(tostring(index), id) end
end

-- Writes JSON while other JSON is written.
function cases.writes()
  local function a_request(n)
    local messages = {}
    for i = 1, 30 do
      messages[i] = { role = "user", content = "text " .. i, name = "name" .. i .. "x" .. n }
    end
    local bias = {}
    for i = 1, 50 do bias["token" .. i .. "x" .. n] = i end
    return { model = "m" .. n, messages = messages, logit_bias = bias, metadata = { a = "b" } }
  end
  for _, write in ipairs { core.body, core.encode } do
    local outer, inner = a_request(1), a_request(2)
    local expected, nested = write(outer), write(inner)
    for _ = 1, 20 do
      inside.finalizers(function() assert(nested == write(inner)) end, function()
        expect(expected, write(outer))
      end)
    end
  end
end

-- Changes the table that is being written.
function cases.changes_table()
  local function fill(n)
    local t = {}
    for i = 1, n do t["key" .. i .. "of" .. n] = { ["inner" .. i] = "value" .. i } end
    return t
  end
  for _, size in ipairs { 3, 15, 200 } do
    local object, changes = fill(size), 0
    inside.finalizers(function()
      local name, value = next(object)
      if name then
        object[name] = nil
        changes = changes + 1
        object[("new%d"):format(changes)] = value
      end
    end, function()
      for _ = 1, 50 do assert(core.decode(assert(core.encode(object)))) end
    end)
  end
end

-- Changes the options of the call.
function cases.changes_options()
  local url = URL
  for _, key in ipairs { "api_key", "base_url", "headers", "user_agent", "ca_file", "proxy" } do
    local options = {
      api_key = "sk_" .. ("k"):rep(40), base_url = url .. "?", user_agent = ("u"):rep(50),
      headers = { ["X-One"] = ("1"):rep(50), ["X-Two"] = ("2"):rep(50) },
    }
    options.base_url = url .. ("/"):rep(3)
    local agent, header = options.user_agent, options.headers["X-One"]
    inside.finalizers(function()
      local name = options.headers and next(options.headers)
      if name and key == "headers" then options.headers[name] = nil else options[key] = nil end
    end, function()
      core.chat(request, options)
    end)
    assert(agent and header)
  end
end

-- Adds timers while one is added: they go off in their order.
function cases.adds_timers()
  local list, count = {}, 0
  local function add()
    count = count + 1
    timers.set(list, count * 7919 % 1000, {})
  end
  inside.finalizers(add, function()
    for _ = 1, 300 do add() end
  end)
  expect(count, #list)
  for index = 2, #list do assert(list[index - 1].at >= list[index].at, "out of order") end
end

-- Looks at the tasks that end: one that is done has its results.
function cases.ends_tasks()
  local tasks, lacking = {}, 0
  inside.finalizers(function()
    for _, task in ipairs(tasks) do
      if task.done and not task.results then lacking = lacking + 1 end
    end
  end, function()
    for index = 1, 500 do
      poll.spawn(function()
        tasks[index % 10 + 1] = poll.current()
        return 1, 2, 3
      end)
    end
  end)
  expect(0, lacking)
end

-- Makes a blocking call, which sees the news of another's.
function cases.blocks()
  local ours, outer = client(), nil
  local function chat()
    local reply, err = ours:chat(request, { deadline = 5 })
    return assert(reply, err)
  end
  local calls = 0
  for _ = 1, 20 do
    local task = poll.spawn(function() outer = chat() end)
    inside.finalizers(function()
      if calls % 7 == 0 then chat() end
      calls = calls + 1
    end, function() task:wait() end)
    assert(outer)
  end
end

return cases
