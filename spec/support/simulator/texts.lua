-- Endpoints beside chat that read texts: completions, embeddings, rerank. The same request gets the
-- same answer; texts that share words have embeddings that are near.
-- luacheck: std lua54

local digest = require("openssl.digest")
local mime = require("mime")

local catalog = require("spec.support.simulator.catalog")
local errors = require("spec.support.simulator.errors")
local events = require("spec.support.simulator.events")
local json = require("spec.support.simulator.json")
local tokens = require("spec.support.simulator.tokens")
local turns = require("spec.support.simulator.turn")

local DIMENSIONS = 32

local texts = {}

local function refuse(message)
  return errors.answer(400, { message = message })
end

-- The model of a body, of this kind; or nil and a refusal.
local function find(body, kind, endpoint)
  local model = catalog.find(body.model)
  if not model then return nil, errors.answer(404, { message = "model not found" }) end
  if (model.kind or "chat") ~= kind then
    return nil, refuse(("model: %s does not support endpoint: %s"):format(model.id, endpoint))
  end
  return model
end

local function answer(value, count)
  return { status = 200, pieces = { json.encode(value) }, tokens = count, usage = value.usage }
end

-- Completions -----------------------------------------------------------------------------------

-- A chat's turn for each prompt; its choices in one list.
local function complete(body, model, raw)
  local choices, used = json.array {}, turns.usage(0, 0, 0)
  for _, prompt in ipairs(type(body.prompt) == "table" and body.prompt or { body.prompt }) do
    local turn = turns.play({
      messages = { { role = "user", content = tostring(prompt) } },
      max_tokens = body.max_tokens, stop = body.stop, n = body.n,
    }, model, raw)
    for _, choice in ipairs(turn.choices) do
      choices[#choices + 1] = {
        index = #choices, text = choice.content, finish_reason = choice.finish_reason,
      }
    end
    for _, name in ipairs { "prompt_tokens", "completion_tokens", "total_tokens" } do
      used[name] = used[name] + turn.usage[name]
    end
  end
  return { id = "cmpl-1", object = "text_completion", created = 1764303147, model = model.id,
    choices = choices, usage = used }
end

local function chunk(whole, choices, usage)
  return json.encode { id = whole.id, object = whole.object, created = whole.created,
    model = whole.model, choices = choices, usage = usage }
end

-- The events of a completion: a token each, then the reason, then the usage if it is asked for.
local function stream(whole, body, step)
  local list = {}
  for _, choice in ipairs(whole.choices) do
    for _, text in ipairs(tokens.split(choice.text)) do
      list[#list + 1] = chunk(whole, json.array {
        { index = choice.index, text = text, finish_reason = json.null } })
    end
    list[#list + 1] = chunk(whole, json.array {
      { index = choice.index, text = "", finish_reason = choice.finish_reason } })
  end
  local options = type(body.stream_options) == "table" and body.stream_options or {}
  if options.include_usage then list[#list + 1] = chunk(whole, json.array {}, whole.usage) end
  return { status = 200, stream = true, content_type = "text/event-stream",
    pieces = events.pieces(list, step), tokens = whole.usage.total_tokens }
end

texts["/completions"] = function(body, step, raw)
  local model, refusal = find(body, "chat", "completions")
  if not model then return refusal end
  if body.prompt == nil then return refuse("prompt is required") end
  local whole = complete(body, model, raw)
  if body.stream then return stream(whole, body, step) end
  return answer(whole, whole.usage.total_tokens)
end

-- Embeddings ------------------------------------------------------------------------------------

local function words(text)
  local list = {}
  for word in tostring(text):lower():gmatch("%w+") do list[#list + 1] = word end
  return list
end

-- A unit vector: each word adds to two of its places.
local function vector(text)
  local sum, square = {}, 0
  for index = 1, DIMENSIONS do sum[index] = 0 end
  for _, word in ipairs(words(text)) do
    local hash = digest.new("md5"):final(word)
    for place = 1, 2 do
      local index = hash:byte(place) % DIMENSIONS + 1
      sum[index] = sum[index] + (hash:byte(place + 2) % 2 == 0 and 1 or -1)
    end
  end
  for _, value in ipairs(sum) do square = square + value * value end
  for index, value in ipairs(sum) do
    sum[index] = string.unpack("<f", string.pack("<f", value / math.max(square, 1) ^ 0.5))
  end
  return sum
end

local function packed(numbers)
  local bytes = {}
  for index, value in ipairs(numbers) do bytes[index] = string.pack("<f", value) end
  return (mime.b64(table.concat(bytes)))
end

texts["/embeddings"] = function(body)
  local model, refusal = find(body, "embedding", "embeddings")
  if not model then return refusal end
  if body.input == nil then return refuse("input is required") end
  local in_base64 = body.encoding_format == "base64"
  if body.dimensions then
    return refuse(("dimensions %d is not supported"):format(body.dimensions))
  end
  if in_base64 and not model.base64 then
    return refuse("encoding_format base64 is not supported")
  end
  local data, count = json.array {}, 0
  for index, text in ipairs(type(body.input) == "table" and body.input or { body.input }) do
    local numbers = vector(text)
    count = count + #words(text)
    data[index] = { object = "embedding", index = index - 1,
      embedding = in_base64 and packed(numbers) or json.array(numbers) }
  end
  return answer({ object = "list", data = data, model = model.id,
    usage = { prompt_tokens = count, total_tokens = count } }, count)
end

-- Rerank ----------------------------------------------------------------------------------------

-- The part of a query's words that a document has.
local function relevance(query, document)
  local has, found, all = {}, 0, words(query)
  for _, word in ipairs(words(document)) do has[word] = true end
  for _, word in ipairs(all) do found = found + (has[word] and 1 or 0) end
  return #all > 0 and found / #all or 0
end

texts["/rerank"] = function(body)
  local model, refusal = find(body, "rerank", "rerank")
  if not model then return refusal end
  local results, count = {}, #words(body.query)
  for index, document in ipairs(body.documents) do
    count = count + #words(document)
    results[index] = { index = index - 1, document = { text = document },
      relevance_score = relevance(body.query, document) }
  end
  table.sort(results, function(a, b)
    if a.relevance_score == b.relevance_score then return a.index < b.index end
    return a.relevance_score > b.relevance_score
  end)
  return answer({ id = "rerank-1", results = json.array { table.unpack(results, 1, body.top_n) },
    usage = { completion_tokens = 0, prompt_tokens = count, total_tokens = count } }, count)
end

return texts
