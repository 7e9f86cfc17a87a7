--- Iterators over the chunks and the text of a stream, for every class that has next().

local misuse = require("novita.misuse")

local reading = {}

-- A stream can be read once; a second loop would look like an empty answer.
local function consume(self)
  if self.consumed then misuse.raise("this stream was read already, or is being read") end
  self.consumed = true
end

-- Returns an iterator that raises the error which `next_part` returns.
local function raising(next_part)
  return function(self)
    local part, err = next_part(self)
    if err then error(err, 0) end
    return part
  end
end

--- Makes the methods chunks() and text() of a class. Their iterators raise the error of the stream.
---@param next_chunk fun(self: table): table?, novita.Error? next()
---@param next_text fun(self: table): string?, novita.Error? next_text()
---@return fun(self: table): fun(self: table): table?, table, nil, table chunks
---@return fun(self: table): fun(self: table): string?, table, nil, table text
function reading.loops(next_chunk, next_text)
  local each_chunk, each_text = raising(next_chunk), raising(next_text)

  local function chunks(self)
    consume(self)
    return each_chunk, self, nil, self
  end

  local function text(self)
    consume(self)
    return each_text, self, nil, self
  end

  return chunks, text
end

return reading
