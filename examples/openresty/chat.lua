-- Relays a chat to a browser: POST /chat with { "messages": [ { "role", "content" }, ... ] } is
-- answered by an event stream of "text" events and one "done" or "error".
--
-- The browser says what to ask, never how: model, length and key are ours. A visitor who stops or
-- leaves ends this request, and the request takes its transfer with it.

local cjson = require("cjson.safe")
local novita = require("novita")

local MODEL = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct"
local MAX_TOKENS = 1024
local MESSAGES, BYTES = 40, 32000 -- of a conversation; the page keeps below them
local PER_MINUTE = 20 -- requests of a visitor

local function refuse(status, message, retry_after)
  ngx.status = status
  ngx.header["Retry-After"] = retry_after
  ngx.header["Content-Type"] = "application/json"
  ngx.print(cjson.encode { message = message })
  return ngx.exit(status)
end

-- Pages of other sites can send a browser's POST here, but not as JSON: for that it asks first.
local function read_messages()
  if not (ngx.var.content_type or ""):find("^application/json") then return nil end
  ngx.req.read_body()
  local body = cjson.decode(ngx.req.get_body_data() or "")
  local messages = type(body) == "table" and body.messages
  if type(messages) ~= "table" or #messages == 0 or #messages > MESSAGES then return nil end
  local list, length = {}, 0
  for index, message in ipairs(messages) do
    if type(message) ~= "table" then return nil end
    local role, content = message.role, message.content
    if role ~= "user" and role ~= "assistant" or type(content) ~= "string" then return nil end
    list[index] = { role = role, content = content }
    length = length + #content
  end
  return length <= BYTES and list or nil
end

local function send(event, data)
  return ngx.print("event: ", event, "\ndata: ", cjson.encode(data), "\n\n") and ngx.flush(true)
end

local BUSY = { queue_full = true, rate_limited_local = true, rate_limit = true }

-- Returns the public part of an error: status, message, Retry-After. The rest is for the log.
local function say(err)
  if BUSY[err.kind] then
    local seconds = math.ceil(math.max(1, err.retry_after or 60))
    return 429, "Too many questions. Try again in a minute.", seconds
  end
  ngx.log(ngx.ERR, "chat: ", tostring(err))
  return 502, "The model can't be reached at the moment."
end

if ngx.req.get_method() ~= "POST" then
  ngx.header["Allow"] = "POST"
  return refuse(405, "POST only.")
end
local messages = read_messages()
if not messages then return refuse(400, "This is not a conversation.") end

local stream, err = novita.stream({
  model = MODEL, messages = messages, max_tokens = MAX_TOKENS,
}, {
  limit = novita.limit.shared("limits", {
    key = "visitor:" .. ngx.var.remote_addr, rpm = PER_MINUTE, burst = 60, queue = 0,
  }),
})
if not stream then return refuse(say(err)) end

ngx.header["Content-Type"] = "text/event-stream"
ngx.header["Cache-Control"] = "no-store"
ngx.header["X-Accel-Buffering"] = "no" -- for an nginx in front of this one

local ok, problem = pcall(function()
  for text in stream:text() do
    if not send("text", text) then return stream:cancel() end -- the visitor is gone
  end
end)
if ok then return send("done", "") end
if type(problem) ~= "table" then error(problem, 0) end
send("error", (select(2, say(problem))))
