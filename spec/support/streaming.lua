-- Streams from the shared simulator, for the specs of streams and tasks.
--
--   local stream = streaming.open({ pace = 0.01 })          one scripted step, one stream
--   local err = streaming.fails({ cut = 20 })               ... read to its bad end
--   { events = { streaming.chunk("Hi"), streaming.finish("stop") } }

local core = require("novita.core")
local novita = require("novita")

local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

local streaming = {
  model = "deepseek/deepseek-v3-0324",
  -- Bounds on time are wider where a checker makes all slower.
  slack = 0.2 * (tonumber(os.getenv("NOVITA_SPEC_SLOWNESS")) or 1),
}

streaming.request = { model = streaming.model, message = "Hello there" }

--- A client of the shared simulator, which tries once.
---@param options? table
function streaming.client(options)
  local all = { base_url = simulator.shared().url, api_key = "sk_spec", retry = "none" }
  for name, value in pairs(options or {}) do all[name] = value end
  return novita.new(all)
end

--- A client of the simulator, which has no journal yet.
---@return table client, table simulator
function streaming.fresh()
  simulator.shared():reset()
  return streaming.client(), simulator.shared()
end

-- Events ------------------------------------------------------------------------------------------

--- The JSON of a chunk with one choice.
---@param delta table
---@param finish_reason? string
---@param more? table other members of the chunk
function streaming.delta(delta, finish_reason, more)
  local chunk = {
    id = "chat-1", object = "chat.completion.chunk", model = "m",
    choices = { { index = 0, delta = delta, finish_reason = finish_reason } },
  }
  for name, value in pairs(more or {}) do chunk[name] = value end
  return assert(core.encode(chunk))
end

--- The JSON of a chunk with text.
function streaming.chunk(text, finish_reason, more)
  return streaming.delta({ content = text }, finish_reason, more)
end

--- The JSON of a chunk with nothing but the finish reason.
function streaming.finish(reason, more)
  return streaming.delta({}, reason, more)
end

--- A step: these events, and then a server that says nothing more.
---@param events table
---@param more? simulator.step
function streaming.silent(events, more)
  local step = { events = events, done = false, final_chunk = false, ending = "stall" }
  for name, value in pairs(more or {}) do step[name] = value end
  return step
end

-- Calls -------------------------------------------------------------------------------------------

--- Opens a stream.
---@param step? simulator.step what the simulator does
---@param options? table of the client
---@param request? table
function streaming.open(step, options, request)
  if step then simulator.shared():script { step } end
  return assert(streaming.client(options):stream(request or streaming.request))
end

--- Reads a stream to its end.
---@return string[] texts, table? err
function streaming.drain(stream)
  local texts = {}
  local chunk, err = stream:next()
  while chunk do
    texts[#texts + 1] = stream.said
    chunk, err = stream:next()
  end
  return texts, err
end

--- A stream that must end badly; its error.
function streaming.fails(step, options, request)
  local stream = streaming.open(step, options, request)
  local _, err = streaming.drain(stream)
  if not err then error("the stream came to a good end", 2) end
  return err
end

--- A stream that must end well; its reply.
---@return table reply, table info
function streaming.succeeds(step, options, request)
  local reply, info = streaming.open(step, options, request):reply()
  if not reply then error("the stream failed: " .. tostring(info), 2) end
  return reply, info
end

-- What is left behind -----------------------------------------------------------------------------

--- The nth entry of the journal, once its request is over for the server.
function streaming.entry(number)
  return simulator.shared():wait_for(function(entries)
    local entry = entries[number or 1]
    return entry and (entry.complete or entry.client_closed) and entry
  end)
end

--- How long fn takes, in seconds.
function streaming.took(fn)
  local start = core.now()
  fn()
  return core.now() - start
end

--- KiB of memory that this process has in use, or nil where there is no /proc.
function streaming.memory()
  local text = files.read("/proc/self/status") or ""
  return tonumber(text:match("VmRSS:%s+(%d+) kB"))
end

--- How many descriptors this process has open, or nil where there is no /proc.
function streaming.descriptors()
  local file = io.open("/proc/self/stat")
  local pid = file and file:read("*n")
  if not pid then return nil end
  file:close()
  local path = os.tmpname() -- a pipe would count too
  os.execute(("ls /proc/%d/fd | wc -l >%s"):format(pid, path))
  local list = assert(io.open(path))
  local count = list:read("*n")
  list:close()
  return count
end

return streaming
