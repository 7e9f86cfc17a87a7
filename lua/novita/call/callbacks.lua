--- Reads a stream for a call with on_chunk or on_text.

local compat = require("novita.compat")

-- Calls a callback; returns whether it returned false, which stops the stream. An error in it
-- cancels the stream and is raised again.
local function stops(stream, fn, value)
  if not fn or value == nil then return false end
  local ok, result = compat.pcall(fn, value)
  if ok then return result == false end
  stream:cancel()
  error(result, 0)
end

--- Reads a stream to its end and calls on_chunk and on_text; returns what a plain call returns.
---@param stream novita.Stream
---@param policy table with on_text and on_chunk
---@return table? reply
---@return novita.Info|novita.Error info
local function deliver(stream, policy)
  local on_chunk, on_text = policy.on_chunk, policy.on_text
  local next_part = on_chunk and stream.next or stream.next_text
  local part = next_part(stream)
  while part do
    if stops(stream, on_chunk, part) or stops(stream, on_text, stream.said) then
      return stream:stop()
    end
    part = next_part(stream)
  end
  stops(stream, on_text, stream.said)
  return stream:reply()
end

return deliver
