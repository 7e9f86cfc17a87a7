-- Every row of doc/answers.md: what a server may send, and what the caller gets, plain and streamed
-- from the same row, at once and byte by byte.
-- Covers: src/http/sniff.c src/lua/reply_shape.c src/lua/transfer_reply.c

local core = require("novita.core")

local page = require("spec.support.page")
local simulator = require("spec.support.simulator_client")
local streaming = require("spec.support.streaming")
local talk = require("spec.support.client")

local sim = simulator.shared()

-- Ways to send the same bytes: in one piece, and one byte in a chunk of its own.
local CUTS = { {}, { piece = 1, chunked = true } }

local function with(step, more)
  local copy = {}
  for name, value in pairs(step) do copy[name] = value end
  for name, value in pairs(more) do copy[name] = value end
  return copy
end

local function script(step, cut)
  sim:reset()
  sim:script { with(step, cut) }
end

-- Readings ----------------------------------------------------------------------------------------

-- The reply of a step that is asked for as a stream, or nil and the error; also read as text, by
-- on_text, and in the background, which must not differ.
local function read_stream(step)
  local client, all = streaming.client(), {}
  local function run(name, cut, fn)
    script(step, cut)
    local reply, err = fn()
    if not reply and type(err) ~= "table" then error(name .. ": " .. tostring(err), 0) end
    all[#all + 1] = { name = name, reply = reply, err = reply == nil and err or nil }
    return reply, err
  end
  local function collected(fn)
    local texts = {}
    local reply, err = fn(texts)
    local whole, text = reply or err.partial, table.concat(texts)
    whole = whole and whole:text() or ""
    -- what can't be used is not given as text, but may be in err.partial
    if err.kind == "invalid_response" then whole = whole:sub(1, #text) end
    assert.equal(whole, text)
    return reply, err
  end
  for _, cut in ipairs(CUTS) do
    run("reply()", cut, function() return assert(client:stream(streaming.request)):reply() end)
  end
  run("text()", {}, function()
    local stream = assert(client:stream(streaming.request))
    return collected(function(texts)
      pcall(function() for text in stream:text() do texts[#texts + 1] = text end end)
      return stream:reply()
    end)
  end)
  run("on_text", {}, function()
    return collected(function(texts)
      local function on_text(text) texts[#texts + 1] = text end
      return client:chat(streaming.request, { on_text = on_text })
    end)
  end)
  for _, other in ipairs(all) do
    assert.same(all[1].reply, other.reply, other.name)
    assert.same(all[1].err and all[1].err.kind, other.err and other.err.kind, other.name)
    assert.same(all[1].err and all[1].err.message, other.err and other.err.message, other.name)
  end
  return all[1].reply, all[1].err
end

local function read_plain(body)
  local reply, err
  for index, cut in ipairs(CUTS) do
    script({ body = body }, cut)
    local again, problem = streaming.client():chat(streaming.request)
    if index > 1 then
      assert.same(reply, again)
      assert.same(err and err.kind, again == nil and problem.kind or nil)
    end
    reply, err = again, again == nil and problem or nil
  end
  return reply, err
end

-- Expectations ------------------------------------------------------------------------------------

-- `kind`: message, after "text"
local function expect_error(cell, err, streamed)
  assert.is_table(err, "no error")
  local kind, text = cell.spans[1], cell.text
  if streamed and kind == "api_error" then kind = "stream_error" end
  assert.equal(kind, err.kind, tostring(err))
  local partial = text:match('after "(.-)"$')
  if partial then
    assert.equal(partial, err.partial and err.partial:text())
    assert.is_true(err.partial.incomplete)
  end
  local message = text:match("`: (.*)$")
  if not message then return end
  message = message:gsub(', after ".-"$', "")
  assert.is_truthy(err.message:find(message, 1, true), err.message)
end

local function is_error(cell)
  return cell.spans[1] ~= nil and cell.spans[1]:find("^[%a_]+$") ~= nil
end

-- The same answer, plain and as a stream, and what both must be: choices.
local function check(cell, events, body, wanted)
  local plain, plain_err = read_plain(body)
  local streamed, err = read_stream { events = events }
  if is_error(cell) then
    assert.is_nil(plain)
    assert.is_nil(streamed)
    expect_error(cell, plain_err)
    return expect_error(cell, err, true)
  end
  assert.is_nil(plain_err, tostring(plain_err))
  assert.is_nil(err, tostring(err))
  assert.same(wanted(), plain.choices)
  assert.same(plain, streamed)
  assert.equal(getmetatable(plain), getmetatable(streamed))
  assert.equal(plain:text(), streamed:text())
end

-- the whole "text", or an error
local function expect_end(cell, reply, err)
  local whole = cell.text:match('^the whole "(.*)"$')
  if not whole then return expect_error(cell, err) end
  assert.is_nil(err, tostring(err))
  assert.equal(whole, reply:text())
  assert.is_nil(reply.incomplete)
end

-- Kinds of rows -----------------------------------------------------------------------------------

local function with_role(message)
  if message:find('^{"role"') then return message end
  return '{"role":"assistant",' .. message:sub(2)
end

local function message_row(_, deltas, plain, cell)
  local message = plain.spans[1] or deltas.spans[1]
  local events = { '{"object":"chat.completion.chunk","choices":[{"index":0,"delta":'
    .. '{"role":"assistant"}}]}' }
  for _, delta in ipairs(deltas.spans) do
    events[#events + 1] = '{"choices":[{"index":0,"delta":' .. delta .. "}]}"
  end
  events[#events + 1] = streaming.finish("stop"):gsub('"id":"chat%-1","model":"m",', "")
  check(cell, events, '{"object":"chat.completion","choices":[{"index":0,"message":'
    .. with_role(message) .. ',"finish_reason":"stop"}]}', function()
      local expected = assert(core.decode(cell.spans[1]))
      expected.role = "assistant"
      return { { index = 0, message = expected, finish_reason = "stop" } }
    end)
end

local function tool_calls_of(arguments)
  local call = { id = "a", type = "function", ["function"] = { name = "f", arguments = arguments } }
  return talk.gets('{"choices":[{"index":0,"message":' .. assert(core.encode {
    role = "assistant", tool_calls = { call },
  }) .. "}]}"):tool_calls()
end

local function json_of(content)
  return talk.gets(talk.completion(assert(core.encode(content)))):json()
end

local function value_row(fn)
  return function(given, cell)
    local value, err = fn(page.unescape(given.spans[1]))
    if is_error(cell) then return expect_error(cell, err) end
    assert.is_nil(err, tostring(err))
    assert.same((core.decode(cell.spans[1])), value)
  end
end

local kinds = {
  ["a message"] = message_row,
  ["tool calls"] = message_row,
  ["an answer"] = function(_, chunks, plain, cell)
    check(cell, chunks.spans, plain.spans[1] or chunks.spans[1], function()
      return assert(core.decode(cell.spans[1]))
    end)
  end,
  ["the events"] = function(given, cell)
    local events = {}
    for index, span in ipairs(given.spans) do
      events[index] = { raw = page.unescape(span) .. "\n\n" }
    end
    expect_end(cell, read_stream { events = events, done = false })
  end,
  ["Content-Type"] = function(content_type, body, cell)
    expect_end(cell, read_stream {
      body = page.unescape(body.spans[1]), content_type = content_type.spans[1],
    })
  end,
  ["arguments"] = value_row(function(text)
    local calls, err = tool_calls_of(text)
    return calls and calls[1].arguments, err
  end),
  ["content"] = value_row(json_of),
}

local found = {}

for _, rows in ipairs(page.tables("doc/answers.md")) do
  local kind = rows.head[1]
  found[kind] = true
  describe("doc/answers.md, " .. kind, function()
    for index, row in ipairs(rows.rows) do
      local name = row[1].text .. (kind == "Content-Type" and ": " .. row[2].text or "")
      it(("%d: %s"):format(index, name), function()
        local unpack = table.unpack or unpack -- luacheck: ignore
        kinds[kind](unpack(row))
      end)
    end
  end)
end

it("doc/answers.md has a table of every kind that is tested", function()
  for kind in pairs(kinds) do assert.is_true(found[kind], kind) end
end)
