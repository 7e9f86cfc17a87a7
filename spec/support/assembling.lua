-- Replies that the assembler of streams makes of chunks, which are given as JSON.
--
--   local reply = assembling.build { '{"choices":[{"index":0,"delta":{"content":"Hi"}}]}' }
--   local message = assembling.message { '{"content":"Hel"}', '{"content":"lo"}' }

local core = require("novita.core")

local assemble = require("novita.stream.accumulator")

local assembling = {}

--- The reply that a list of chunks makes; raises at a problem.
function assembling.build(chunks)
  local assembler = assemble.new()
  for _, text in ipairs(chunks) do
    local problem = assembler:add(assert(core.decode(text)))
    if problem then error(problem, 0) end
  end
  return assembler:build()
end

--- Chunks of the first choice with these deltas, the last of which finishes.
function assembling.deltas(list, reason)
  local chunks = {}
  for index, delta in ipairs(list) do
    chunks[index] = '{"choices":[{"index":0,"delta":' .. delta .. "}]}"
  end
  chunks[#chunks + 1] = '{"choices":[{"index":0,"delta":{},"finish_reason":"'
    .. (reason or "stop") .. '"}]}'
  return chunks
end

--- The message that these deltas make.
function assembling.message(list)
  return assembling.build(assembling.deltas(list)).choices[1].message
end

--- What is wrong with a chunk, or nil.
function assembling.problem_of(text)
  return assemble.new():add(core.decode(text))
end

return assembling
