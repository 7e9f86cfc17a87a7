-- An answer as it is being written:  lua examples/stream.lua "Tell me a story"

local novita = require("novita")

local stream, err = novita.stream {
  model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v4-flash",
  message = arg[1] or "How does a river find its way?",
}
if not stream then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

-- A stream that breaks raises an error here: half an answer can't pass for a whole one.
for text in stream:text() do
  io.write(text)
  io.flush()
end

-- What has gone by, put together: the same table that novita.chat returns.
local reply, info = stream:reply()
local message = reply.choices[1].message
if message.reasoning_content then print("\n\nIt thought: " .. message.reasoning_content) end
print(("\n%s: finish reason %s, %d tokens, the first byte after %.0f ms"):format(reply.model,
  reply.choices[1].finish_reason, reply.usage.total_tokens, 1000 * info.timings.first_byte))
