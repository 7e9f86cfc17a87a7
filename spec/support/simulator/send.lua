-- An answer on its way out, with every fault a script can ask for.
--
-- An answer is { status, headers, pieces, ... }: pieces are the parts of the body, in order. Bytes
-- gather in an outlet and leave in one write, unless a delay, a pace or a split stands between
-- them; so the plain case costs one write, and each fault is a few lines here.
-- luacheck: std lua54

local http = require("spec.support.simulator.http")

local GATHER = 65536

local send = {}

-- The outlet: gathers bytes, cuts them into writes of `split` bytes when asked.

local function flush(out)
  local bytes = table.concat(out.parts)
  out.parts, out.size = {}, 0
  if bytes == "" then return end
  out.entry.first_byte = out.entry.first_byte or out.now()
  local size = out.split or #bytes
  for from = 1, #bytes, size do
    if from > 1 and out.pause then out.con:wait(out.pause) end
    out.con:write(bytes:sub(from, from + size - 1))
  end
end

local function put(out, bytes)
  out.parts[#out.parts + 1] = bytes
  out.size = out.size + #bytes
  if out.size >= GATHER then flush(out) end
end

local function wait(out, seconds)
  if not seconds then return end
  flush(out)
  out.con:wait(seconds)
end

local function frame(answer, bytes)
  if not answer.chunked or bytes == "" then return bytes end
  return string.format("%x\r\n%s\r\n", #bytes, bytes)
end

local function head_text(answer)
  local lines = {}
  for index, field in ipairs(answer.headers) do
    lines[index] = field[1] .. ": " .. field[2] .. "\r\n"
  end
  return table.concat(lines) .. "\r\n"
end

local function put_head(out, answer)
  for _, item in ipairs(answer.interim or {}) do
    if type(item) == "number" then wait(out, item) else put(out, item) end
  end
  local phrase = answer.phrase or http.phrase(answer.status)
  put(out, string.format("HTTP/%s %d %s\r\n", answer.version, answer.status, phrase))
  wait(out, answer.delay_headers)
  local head = head_text(answer)
  if not answer.cut_head then
    put(out, head)
    return true
  end
  put(out, head:sub(1, answer.cut_head))
  return false
end

-- Sends pieces up to `cut` payload bytes; false when it stopped there.
local function put_body(out, answer)
  local cut, sent = answer.cut, 0
  for index, bytes in ipairs(answer.pieces) do
    if index > 1 and sent ~= cut then wait(out, answer.pace) end
    if cut and sent + #bytes > cut then
      local keep = cut - sent
      put(out, frame(answer, bytes:sub(1, keep)))
      if not (answer.ending == "stall" and answer.stall) then return false end
      wait(out, answer.stall)
      bytes, cut = bytes:sub(keep + 1), nil
    end
    put(out, frame(answer, bytes))
    sent = sent + #bytes
  end
  if answer.chunked and answer.final_chunk ~= false then put(out, "0\r\n\r\n") end
  return true
end

-- True when the connection stays open for the next request.
local function finish(out, answer, whole, ending)
  flush(out)
  out.entry.last_byte, out.entry.complete = out.now(), whole
  if ending then
    out.con:finish(ending)
  elseif answer.silent_close == "request" then
    out.con:fill()
  end
  return answer.keep and not ending
end

-- Sends everything; returns whether the answer went out whole.
local function send_all(out, answer)
  wait(out, answer.delay)
  if answer.raw then
    put(out, answer.raw)
    return true
  end
  if not put_head(out, answer) then return false end
  wait(out, answer.delay_body)
  return put_body(out, answer)
end

--- Sends an answer. True when the connection may serve another request.
---@param con table the connection
---@param answer table from plan.lua
---@param entry table the journal's record of this request
---@param now fun(): number
function send.answer(con, answer, entry, now)
  local out = {
    con = con, entry = entry, now = now, parts = {}, size = 0,
    split = answer.split, pause = answer.pause,
  }
  local whole = send_all(out, answer)
  local ending = answer.ending
  if not whole then ending = ending or "close" end
  if whole and ending == "stall" and answer.stall then ending = nil end
  return finish(out, answer, whole and answer.final_chunk ~= false, ending)
end

return send
