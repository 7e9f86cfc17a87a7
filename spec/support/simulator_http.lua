-- Chats with the shared simulator over bare sockets, for the simulator's own specs.

local cjson = require("cjson")

local raw = require("spec.support.socket_http")
local simulator = require("spec.support.simulator_client")

local ask = { model = "deepseek/deepseek-v3-0324" }

-- A plain chat request with `fields` laid over it.
local function request_body(fields)
  local body = { model = ask.model, messages = ask.user("Hello there") }
  for name, value in pairs(fields or {}) do body[name] = value end
  return cjson.encode(body)
end

--- The messages of a chat in which the user says one thing.
function ask.user(text)
  return { { role = "user", content = text } }
end

--- Sends a chat request. Returns the answer and, where it is JSON, its decoded body.
---@param fields? table laid over a plain request
---@param options? table for raw.request, and url or body in place of the usual ones
function ask.chat(fields, options)
  options = options or {}
  options.path, options.body = "/chat/completions", options.body or request_body(fields)
  local answer = assert(raw.request(options.url or simulator.shared().url, options))
  local ok, decoded = pcall(cjson.decode, answer.body)
  return answer, ok and decoded or nil
end

--- Sends a chat request on a new connection and leaves the reading to the caller.
function ask.open(fields)
  local wire = raw.connect(simulator.shared().url)
  wire:send { path = "/chat/completions", body = request_body(fields) }
  return wire
end

--- The answer to a plain chat request for which one step is scripted.
---@param step simulator.step
function ask.after(step)
  simulator.shared():script { step }
  return (ask.chat())
end

--- The same on a connection left open, nothing read.
function ask.open_after(step)
  simulator.shared():script { step }
  return ask.open()
end

--- The data of a stream's events.
function ask.events(body)
  local list = {}
  for event in body:gmatch("data: (.-)\n\n") do list[#list + 1] = event end
  return list
end

--- Streams a chat. Returns the decoded chunks, whether [DONE] came last, and the answer.
function ask.stream(fields)
  fields.stream = true
  local answer = ask.chat(fields)
  local events, chunks = ask.events(answer.body), {}
  local done = events[#events] == "[DONE]"
  for index = 1, #events - (done and 1 or 0) do chunks[index] = cjson.decode(events[index]) end
  return chunks, done, answer
end

--- One member of the deltas of a choice, joined.
function ask.joined(chunks, name, choice)
  local parts = {}
  for _, chunk in ipairs(chunks) do
    for _, item in ipairs(chunk.choices) do
      local text = item.delta[name]
      if item.index == (choice or 0) and type(text) == "string" then parts[#parts + 1] = text end
    end
  end
  return table.concat(parts)
end

--- Runs curl; returns what it wrote, errors too.
function ask.curl(arguments)
  local pipe = io.popen("curl -sS -m 2 " .. arguments .. " 2>&1")
  local text = pipe:read("*a")
  pipe:close()
  return text
end

return ask
