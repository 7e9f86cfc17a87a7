-- Calls as a program makes them, at the shared simulator, and what came of them on the wire.
--
--   local body, entry = talk.sends(request)        the one request that arrived
--   local err = talk.refuses(request, options)     the error, and nothing arrived
--   local reply, info = talk.gets(body)            the reply made of a scripted answer
--   local err = talk.fails(step, options)          the error made of a scripted answer

local novita = require("novita")

local simulator = require("spec.support.simulator_client")

local talk = {
  KEY = "sk_spec_0123456789abcdef",
  MODEL = "simulator/echo",
  sim = simulator.shared(),
}

--- A request that is in order, with other fields over it.
function talk.request(fields)
  local request = { model = talk.MODEL, message = "Hi" }
  for name, value in pairs(fields or {}) do request[name] = value end
  return request
end

--- A client of the simulator, which tries once.
function talk.client(options)
  local all = { base_url = talk.sim.url, api_key = talk.KEY, retry = "none" }
  for name, value in pairs(options or {}) do all[name] = value end
  return novita.new(all)
end

--- The body of the one request that a chat sends, and its journal entry.
function talk.sends(request, options)
  talk.sim:reset()
  local _, err = talk.client(options):chat(request or talk.request())
  local entries = talk.sim:journal()
  if #entries ~= 1 then error(("%d requests sent: %s"):format(#entries, tostring(err)), 2) end
  return entries[1].body, entries[1]
end

--- The headers, by lower-case name, of the first request that a function sends.
function talk.headers(send)
  talk.sim:reset()
  send()
  return assert(talk.sim:journal()[1], "nothing was sent").header
end

--- The headers of the request that a client's chat sends.
function talk.chat_headers(client, options)
  return talk.headers(function() assert(client:chat(talk.request(), options)) end)
end

--- The error of a chat that is refused before anything is sent.
function talk.refuses(request, options)
  talk.sim:reset()
  local reply, err = talk.client(options):chat(request or talk.request())
  local sent = #talk.sim:journal()
  if reply then error("not refused", 2) end
  if sent ~= 0 then error(("%d requests sent: %s"):format(sent, tostring(err)), 2) end
  return err
end

--- The same for options that are refused: a message of one line.
function talk.refuses_options(options)
  local err = talk.refuses(nil, options)
  assert(err.kind == "config", err.kind)
  assert(not err.message:find("%c"), err.message)
  return err
end

--- The answer and info, or nil and the error, of any endpoint, after steps of the simulator.
function talk.asks(step, request, options)
  if step then talk.sim:script(step[1] and step or { step }) end
  request = request or {}
  request.path = request.path or "/things"
  return talk.client(options):request(request)
end

--- The answer and info of a rerank of two documents, which the simulator or this body answers.
---@param body? string
---@param fields? table of the request
function talk.reranks(body, fields)
  talk.sim:reset()
  if body then talk.sim:script { { body = body } } end
  local request = {
    model = "baai/bge-reranker-v2-m3", query = "a cat", documents = { "a dog", "a cat sits" },
  }
  for name, value in pairs(fields or {}) do request[name] = value end
  return talk.client():rerank(request)
end

--- The answer and info of a text completion, after a step of the simulator.
---@param step? simulator.step
---@param fields? table of the request
---@param options? table of the client
function talk.completes(step, fields, options)
  if step then talk.sim:script { step } end
  local request = { model = talk.MODEL, prompt = "one two three" }
  for name, value in pairs(fields or {}) do request[name] = value end
  return talk.client(options):completions(request)
end

--- The reply and info, or nil and the error, that a step of the simulator leads to.
function talk.answers(step, options)
  talk.sim:reset()
  talk.sim:script { step }
  return talk.client(options):chat(talk.request())
end

--- The reply made of a body.
function talk.gets(body, options)
  local reply, info = talk.answers({ body = body }, options)
  if not reply then error("no reply: " .. tostring(info), 2) end
  return reply, info
end

--- The error that a step of the simulator leads to.
function talk.fails(step, options)
  local reply, err = talk.answers(step, options)
  if reply then error("no error, but a reply: " .. tostring(reply), 2) end
  return err
end

--- A completion's JSON, with this JSON text as the content.
function talk.completion(content)
  return '{"id":"c-1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":'
    .. content .. '},"finish_reason":"stop"}],"usage":{"prompt_tokens":50,"completion_tokens":10,'
    .. '"total_tokens":60}}'
end

return talk
