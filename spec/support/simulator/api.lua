-- Novita's API: routes, keys, and the chat endpoint with what a step changes in it; the others are
-- in texts.lua and files.lua.
--
-- Answers are { status, content_type, pieces, stream, usage }. The same request gets the same
-- bytes, so chat answers are kept by request body: benches send one body thousands of times.
-- luacheck: std lua54

local catalog = require("spec.support.simulator.catalog")
local check = require("spec.support.simulator.check")
local chunks = require("spec.support.simulator.chunks")
local completion = require("spec.support.simulator.completion")
local errors = require("spec.support.simulator.errors")
local events = require("spec.support.simulator.events")
local files = require("spec.support.simulator.files")
local json = require("spec.support.simulator.json")
local texts = require("spec.support.simulator.texts")
local turns = require("spec.support.simulator.turn")

local BASES = { "^/openai/v1(/.*)$", "^/openai(/.*)$", "^/v3/openai/v1(/.*)$", "^/v3/openai(/.*)$" }
local CACHED_BODY, CACHED_ANSWERS = 65536, 256
local NO_STEP = {}

-- The step fields that change what a chat answer says, not just how it travels.
local TELLING = {
  "answer", "usage", "merged_role", "bare_calls", "newline", "bom", "comments", "space", "event",
  "mid_error", "done",
}

local api = {}

local function route(request)
  local path = request.path:gsub("[?#].*$", "")
  for _, base in ipairs(BASES) do
    local rest = path:match(base)
    if rest then return rest end
  end
end

local function not_found()
  return errors.answer(404, nil, "text")
end

-- The edge before the gateway turns some programs away by their name.
local function refuse_agent(request)
  if (request.header["user-agent"] or ""):find("^Python%-urllib") then
    return errors.answer(403, { message = "error code: 1010" }, "text")
  end
end

-- The refusal for a key that is missing, wrong or poor.
local function refuse_key(request)
  local key = (request.header.authorization or ""):match("^[Bb]earer +(.+)$")
  if not key then return errors.answer(403, { reason = "INVALID_API_KEY" }) end
  if key == "sk_wrong" or not key:find("^sk_") then return errors.answer(401) end
  if key == "sk_poor" then return errors.answer(403, { reason = "NOT_ENOUGH_BALANCE" }) end
end

local function read_body(request)
  local body, err = json.decode(request.body or "")
  if type(body) ~= "table" or not request.body:find("^%s*{") then
    return nil, errors.answer(400, { message = tostring(err or "expected a JSON object") })
  end
  for key, value in pairs(body) do
    if value == json.decode_null then body[key] = nil end
  end
  return body
end

-- Novita adds no usage to a stream unless asked; a step's `usage` decides regardless.
local function ways_of(body, model, step)
  local options = type(body.stream_options) == "table" and body.stream_options or {}
  local usage = step.usage or (options.include_usage == true and (model.usage or "last")) or "none"
  local ways = { usage = usage, merged_role = model.merged_role, bare_calls = model.bare_calls }
  if step.merged_role ~= nil then ways.merged_role = step.merged_role end
  if step.bare_calls ~= nil then ways.bare_calls = step.bare_calls end
  return ways
end

local function make_chat(request, step)
  local body, refusal = read_body(request)
  if not body then return refusal end
  local model
  model, refusal = check.body(body, request.body)
  if not model then return refusal end
  local turn = turns.play(body, model, request.body, step.answer)
  local answer = { status = 200, model = model.id, tokens = turn.tokens, usage = turn.usage }
  if body.stream then
    answer.stream, answer.content_type = true, "text/event-stream"
    answer.pieces = events.pieces(chunks.of(turn, ways_of(body, model, step)), step)
  else
    answer.pieces = { completion.encode(turn) }
  end
  return answer
end

local cache, cached = {}, 0

local function tells(step)
  for _, name in ipairs(TELLING) do
    if step[name] ~= nil then return true end
  end
  return false
end

local function chat(request, step)
  if #request.body > CACHED_BODY or tells(step) then return make_chat(request, step) end
  local answer = cache[request.body]
  if answer then return answer end
  if cached >= CACHED_ANSWERS then cache, cached = {}, 0 end
  answer = make_chat(request, step)
  cache[request.body], cached = answer, cached + 1
  return answer
end

local function models(rest)
  if rest == "/models" then
    return { status = 200, pieces = { json.encode(catalog.list()) } }
  end
  local id = rest:match("^/models/(.+)$"):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  local model = catalog.find(id)
  if not model then return errors.answer(404, { message = "model not found" }) end
  return { status = 200, pieces = { json.encode(catalog.describe(model)) } }
end

-- The endpoints beside chat.
local function other(request, rest, step)
  if rest and texts[rest] and request.method == "POST" then
    local body, refusal = read_body(request)
    if not body then return refusal end
    return texts[rest](body, step, request.body)
  end
  return rest and files.answer(request, rest, function(body)
    return chat({ body = body }, NO_STEP)
  end) or not_found()
end

-- What a step answers by itself, before any looking at the request.
local function scripted(step)
  if step.raw or step.body then return { status = 200, pieces = { step.body } } end
  if step.events then
    return { status = 200, content_type = "text/event-stream", stream = true,
      pieces = events.pieces(step.events, step) }
  end
  if step.redirect then return { status = 307, pieces = {} } end
  local status = step.status or 200
  if step.envelope or status >= 300 then return errors.answer(status, step, step.envelope) end
end

--- Answers a request.
---@param request table
---@param step table? from the script
---@param admit fun(model: string, tokens: integer): table? the 429 when limits are exceeded
function api.answer(request, step, admit)
  step = step or NO_STEP
  local answer = scripted(step)
  if answer then return answer end
  answer = refuse_agent(request)
  if answer then return answer end
  local rest = route(request)
  if request.method == "GET" and rest and rest:find("^/models") then return models(rest) end
  answer = refuse_key(request)
  if answer then return rest and answer or not_found() end
  if request.method == "POST" and rest == "/chat/completions" then
    answer = chat(request, step)
  else
    answer = other(request, rest, step)
  end
  return answer.tokens and admit(answer.model, answer.tokens) or answer
end

return api
