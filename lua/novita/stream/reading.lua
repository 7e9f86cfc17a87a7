--- Iterators over the chunks and the text of a stream, for every class that has next().

local misuse = require("novita.misuse")

local reading = {}

-- A stream can be read once; a second loop would look like an empty answer.
local function consume(self)
  if self.consumed then misuse.raise("this stream was read already, or is being read") end
  self.consumed = true
end

--- Makes the methods chunks() and text() of a class. Their iterators raise the error of the stream.
---@param next_chunk fun(self: table): table?, novita.Error? next(), which leaves the text of the
---  chunk in self.said
---@return fun(self: table): fun(self: table): table?, table, nil, table chunks
---@return fun(self: table): fun(self: table): string?, table, nil, table text
function reading.loops(next_chunk)
  local function next_or_raise(self)
    local chunk, err = next_chunk(self)
    if err then error(err, 0) end
    return chunk
  end

  local function next_text(self)
    local chunk = next_or_raise(self)
    while chunk and not self.said do chunk = next_or_raise(self) end
    return self.said
  end

  local function chunks(self)
    consume(self)
    return next_or_raise, self, nil, self
  end

  local function text(self)
    consume(self)
    return next_text, self, nil, self
  end

  return chunks, text
end

return reading
