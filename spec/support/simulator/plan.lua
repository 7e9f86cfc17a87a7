-- From an answer and a step to what send.lua sends: status, headers, pieces, framing, faults.
-- luacheck: std lua54

local http = require("spec.support.simulator.http")

local plan = {}

-- Step fields that send.lua understands and that pass through as they are.
local PASSED = {
  "phrase", "interim", "delay", "delay_headers", "delay_body", "piece", "pause", "split", "pace",
  "cut", "cut_head", "ending", "stall", "final_chunk", "raw",
}

-- Headers of a step: a list of { name, value }, or names as keys, or both.
local function listed(headers)
  local list, names = {}, {}
  for _, field in ipairs(headers or {}) do list[#list + 1] = field end
  for name, value in pairs(headers or {}) do
    if type(name) == "string" then names[#names + 1] = { name, value } end
  end
  table.sort(names, function(a, b) return a[1] < b[1] end)
  for _, field in ipairs(names) do list[#list + 1] = field end
  return list
end

-- The default headers that the step did not give itself.
local function with_defaults(given, defaults)
  local seen, list = {}, {}
  for _, field in ipairs(given) do seen[field[1]:lower()] = true end
  for _, field in ipairs(defaults) do
    if field[2] and not seen[field[1]:lower()] then list[#list + 1] = field end
  end
  for _, field in ipairs(given) do list[#list + 1] = field end
  return list
end

local function length_of(pieces)
  local length = 0
  for _, bytes in ipairs(pieces) do length = length + #bytes end
  return length
end

local function default_headers(out, step, request_id)
  local length = step.content_length
  if not length and not out.chunked and out.delimited then length = length_of(out.pieces) end
  return {
    { "Date", os.date("!%a, %d %b %Y %H:%M:%S GMT") },
    { "Content-Type", step.content_type or out.content_type or "application/json" },
    { "x-request-id", request_id },
    { "Location", step.redirect },
    { "Transfer-Encoding", out.chunked and "chunked" or nil },
    { "Content-Length", length },
    { "Connection", not out.keep and not step.silent_close and "close" or nil },
  }
end

--- Builds the answer to send.
---@param request table
---@param answer table { status, content_type, pieces, stream, headers }
---@param step table? from the script
---@param request_id string
function plan.build(request, answer, step, request_id)
  step = step or {}
  local out = {
    version = step.version or "1.1",
    status = step.status or answer.status,
    content_type = answer.content_type,
    pieces = answer.pieces,
  }
  for _, name in ipairs(PASSED) do out[name] = step[name] end
  if step.body then out.pieces = { step.body } end
  out.chunked = step.chunked
  if out.chunked == nil then out.chunked = answer.stream and out.version == "1.1" end
  out.delimited = step.chunked ~= nil or not answer.stream
  out.keep = http.keeps_alive(request) and step.connection ~= "close" and not step.silent_close
    and (out.chunked or out.delimited)
  local given = listed(step.headers)
  local defaults = step.headers_only and {} or default_headers(out, step, request_id)
  for _, field in ipairs(answer.headers or {}) do defaults[#defaults + 1] = field end
  out.headers = with_defaults(given, defaults)
  return out
end

return plan
