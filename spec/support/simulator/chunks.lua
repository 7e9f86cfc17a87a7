-- A turn as the data of stream chunks, one token each, in Novita's three ways to place usage.
--
-- Chunks are glued from ready pieces rather than encoded one by one: streams of benches are long.
-- luacheck: std lua54

local json = require("spec.support.simulator.json")
local tokens = require("spec.support.simulator.tokens")
local turns = require("spec.support.simulator.turn")

local FRAGMENT = 6

local chunks = {}

-- Arguments in fragments of a few characters, never within one.
local function fragments(text)
  local list, from = {}, 1
  while from <= #text do
    local stop = utf8.offset(text, FRAGMENT + 1, from) or #text + 1
    list[#list + 1] = text:sub(from, stop - 1)
    from = stop
  end
  return list
end

-- Deltas are { text = JSON of the delta, tokens = how many it adds }.
local function add_text(list, name, text)
  if text == json.null then list[#list + 1] = { text = '{"' .. name .. '":null}', tokens = 0 } end
  if type(text) ~= "string" then return end
  for _, token in ipairs(tokens.split(text)) do
    list[#list + 1] = { text = '{"' .. name .. '":' .. json.string(token) .. "}", tokens = 1 }
  end
end

local function add_call(list, call, index, bare)
  local number = call.index or index - 1
  list[#list + 1] = { tokens = 1, text = string.format(
    '{"tool_calls":[{"index":%d,"id":%s,"type":"function","function":{"name":%s%s}}]}',
    number, json.string(call.id), json.string(call.name), bare and "" or ',"arguments":""') }
  for _, fragment in ipairs(fragments(call.arguments or "{}")) do
    list[#list + 1] = { tokens = 0, text = string.format(
      '{"tool_calls":[{"index":%d,%s"function":{"arguments":%s}}]}',
      number, bare and '"type":"function",' or "", json.string(fragment)) }
  end
end

local function add_role(list, merged)
  local role = '{"role":"assistant"'
  if not merged then
    table.insert(list, 1, { text = role .. ',"content":""}', tokens = 0 })
  elseif list[1] then
    list[1].text = role .. "," .. list[1].text:sub(2)
  else
    list[1] = { text = role .. "}", tokens = 0 }
  end
end

local function deltas(choice, ways)
  local list = {}
  add_text(list, "reasoning_content", choice.reasoning)
  add_text(list, "content", choice.content)
  for index, call in ipairs(choice.calls) do add_call(list, call, index, ways.bare_calls) end
  if next(choice.extra) then list[#list + 1] = { text = json.encode(choice.extra), tokens = 0 } end
  add_role(list, ways.merged_role)
  return list
end

-- The writer of one stream's chunks: knows what stands around each delta.
local function new_writer(turn, placement)
  return {
    list = {}, placement = placement, written = 0,
    prompt = turn.usage and turn.usage.prompt_tokens or 0,
    head = string.format('{"id":%s,"object":"chat.completion.chunk","created":%d,"model":%s,',
      json.string(turn.id), turn.created, json.string(turn.model)),
    idle = placement == "last" and ',"system_fingerprint":"","usage":null}'
      or ',"system_fingerprint":""}',
  }
end

local function tail(writer, usage)
  if not usage and writer.placement ~= "every" then return writer.idle end
  usage = usage or turns.usage(writer.prompt, writer.written, 0)
  return ',"system_fingerprint":"","usage":' .. json.encode(usage) .. "}"
end

local function write(writer, index, delta, finish, usage)
  writer.written = writer.written + delta.tokens
  writer.list[#writer.list + 1] = table.concat {
    writer.head, '"choices":[{"index":', index, ',"delta":', delta.text,
    ',"finish_reason":', finish, "}]", tail(writer, usage),
  }
end

-- The deltas of all choices, taking turns.
local function write_deltas(writer, turn, ways)
  local queues, longest = {}, 0
  for number, choice in ipairs(turn.choices) do
    queues[number] = deltas(choice, ways)
    longest = math.max(longest, #queues[number])
  end
  for step = 1, longest do
    for number, choice in ipairs(turn.choices) do
      local delta = queues[number][step]
      if delta then write(writer, choice.index, delta, "null") end
    end
  end
end

local function write_finishes(writer, turn)
  for number, choice in ipairs(turn.choices) do
    local usage = number == #turn.choices and writer.placement ~= "last"
      and writer.placement ~= "none" and turn.usage or nil
    if choice.finish_reason then
      write(writer, choice.index, { text = "{}", tokens = 0 }, json.encode(choice.finish_reason),
        usage)
    end
  end
  if writer.placement == "last" and turn.usage then
    writer.list[#writer.list + 1] = writer.head .. '"choices":[],"system_fingerprint":"","usage":'
      .. json.encode(turn.usage) .. "}"
  end
end

--- The data of a turn's chunks, without the final [DONE].
---@param turn table
---@param ways table usage placement, merged_role, bare_calls
---@return string[]
function chunks.of(turn, ways)
  local placement = turn.usage and ways.usage or "none"
  local writer = new_writer(turn, placement)
  write_deltas(writer, turn, ways)
  write_finishes(writer, turn)
  return writer.list
end

return chunks
