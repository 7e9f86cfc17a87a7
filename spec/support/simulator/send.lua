-- An answer on its way out, with every fault a script can ask for.
--
-- An answer is { status, headers, pieces, ... }: pieces are the parts of the body, in order. Bytes
-- gather in an outlet and leave in one write, unless a delay, a pace or a split stands between them;
-- so the plain case costs one write, and each fault is a few lines here. Fields: see sim.lua.
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

-- Body pieces: the answer's own, or the same bytes cut anew into pieces of `size`.
local function recut(pieces, size)
  local bytes, cut = table.concat(pieces), {}
  for from = 1, #bytes, size do cut[#cut + 1] = bytes:sub(from, from + size - 1) end
  return cut
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
  for _, block in ipairs(answer.interim or {}) do put(out, block) end
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
  local pieces = answer.piece and recut(answer.pieces, answer.piece) or answer.pieces
  local gap = answer.piece and answer.pause or answer.pace
  local cut, sent = answer.cut, 0
  for index, bytes in ipairs(pieces) do
    if index > 1 then wait(out, gap) end
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

-- How the connection goes on: true when it stays open for the next request.
local function finish(out, answer, ending)
  flush(out)
  out.entry.last_byte = out.now()
  if ending == "reset" then
    out.con:reset()
  elseif ending == "half_close" then
    out.con:half_close()
    out.con:wait()
  elseif ending == "stall" then
    out.con:wait()
  elseif ending == nil and answer.keep then
    return true
  end
  return false
end

--- Sends an answer. True when the connection may serve another request.
---@param con table the connection
---@param answer table
---@param entry table the journal's record of this request
---@param now fun(): number
function send.answer(con, answer, entry, now)
  local out = {
    con = con, entry = entry, now = now, parts = {}, size = 0,
    split = answer.split, pause = answer.pause,
  }
  wait(out, answer.delay)
  if answer.raw then
    put(out, answer.raw)
    return finish(out, answer, answer.ending or "close")
  end
  local whole = put_head(out, answer)
  if whole then
    wait(out, answer.delay_body)
    whole = put_body(out, answer)
  end
  local ending = answer.ending
  if not whole then ending = ending or "close" end
  if whole and ending == "stall" and answer.stall then ending = nil end
  return finish(out, answer, ending)
end

return send
