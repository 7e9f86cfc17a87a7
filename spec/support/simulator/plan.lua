-- From an answer and a step to what send.lua sends: status, headers, pieces, framing, faults.
-- luacheck: std lua54

local gzip = require("spec.support.simulator.gzip")
local http = require("spec.support.simulator.http")

local NO_STEP = {}
local FILLER_LINE = 1000

-- Step fields that pass through as they are.
local PASSED = {
  "phrase", "interim", "delay", "delay_headers", "delay_body", "pause", "split", "pace", "cut",
  "cut_head", "ending", "stall", "final_chunk", "raw", "silent_close",
}

local plan = {}

-- Headers of a step: a list of { name, value }, or names as keys, or both.
local function listed(headers)
  local list, names = {}, {}
  for _, field in ipairs(headers) do list[#list + 1] = field end
  for name, value in pairs(headers) do
    if type(name) == "string" then names[#names + 1] = { name, value } end
  end
  table.sort(names, function(a, b) return a[1] < b[1] end)
  for _, field in ipairs(names) do list[#list + 1] = field end
  return list
end

-- So many bytes of headers, in lines of a kilobyte or in one.
local function add_filler(list, step)
  local left = step.header_bytes or 0
  local size = step.header_line or FILLER_LINE
  while left > 0 do
    local name = string.format("x-filler-%d", #list)
    list[#list + 1] = { name, ("x"):rep(math.min(size, left) - #name - 4) }
    left = left - size
  end
end

-- Puts the default headers that were not given before those that were.
local function join_headers(given, defaults)
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

-- Body pieces: the answer's own, or the same bytes cut anew into pieces of `size`.
local function recut(pieces, size)
  local bytes, cut = table.concat(pieces), {}
  for from = 1, #bytes, size do cut[#cut + 1] = bytes:sub(from, from + size - 1) end
  return cut
end

local function pieces_of(answer, step)
  local pieces = answer.pieces
  if step.body and step.body_times then
    pieces = {}
    for index = 1, step.body_times do pieces[index] = step.body end
  end
  if step.gzip then pieces = gzip.pieces(pieces) end
  if step.join then return { table.concat(pieces) } end
  if step.piece then return recut(pieces, step.piece) end
  return pieces
end

-- A body is chunked, or has a length, or ends with the connection.
local function frame(out, answer, step)
  local stream = answer.stream and out.version == "1.1"
  out.chunked = step.chunked
  if out.chunked == nil then out.chunked = stream and step.content_length == nil end
  if out.chunked then return nil end
  if step.content_length == false or (answer.stream and not step.content_length) then return nil end
  return step.content_length or length_of(out.pieces)
end

local cached_date, cached_second

local function date()
  local second = os.time()
  if second ~= cached_second then
    cached_date, cached_second = os.date("!%a, %d %b %Y %H:%M:%S GMT", second), second
  end
  return cached_date
end

local function default_headers(out, answer, step, length, request_id)
  local list = {
    { "Date", date() },
    { "Content-Type", step.content_type or answer.content_type or "application/json" },
    { "x-request-id", request_id },
    { "Location", step.redirect },
    { "Content-Encoding", step.gzip and "gzip" },
    { "Transfer-Encoding", out.chunked and "chunked" },
    { "Content-Length", length },
    { "Connection", not out.keep and not step.silent_close and "close" },
  }
  for _, field in ipairs(answer.headers or NO_STEP) do list[#list + 1] = field end
  return list
end

local function keeps_alive(out, request, step, length)
  if step.connection == "close" or step.silent_close then return false end
  return http.keeps_alive(request) and (out.chunked or length ~= nil)
end

--- Builds the answer to send.
---@param request table
---@param answer table { status, content_type, pieces, stream, headers }
---@param step table? from the script
---@param request_id string
function plan.build(request, answer, step, request_id)
  step = step or NO_STEP
  local out = { version = step.version or "1.1", status = step.status or answer.status }
  for _, name in ipairs(PASSED) do out[name] = step[name] end
  out.pieces = pieces_of(answer, step)
  if step.piece then out.pace = step.pause or 0 end
  local length = frame(out, answer, step)
  if step.cut_pieces then out.cut = length_of({ table.unpack(out.pieces, 1, step.cut_pieces) }) end
  if step.raw or request.unread then out.ending = step.ending or "half_close" end
  if out.chunked and step.final_chunk == false then out.ending = out.ending or "close" end
  out.keep = keeps_alive(out, request, step, length)
  local given = listed(step.headers or NO_STEP)
  add_filler(given, step)
  local defaults = step.headers_only and {}
    or default_headers(out, answer, step, length, request_id)
  out.headers = join_headers(given, defaults)
  return out
end

return plan
