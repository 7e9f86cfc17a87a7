-- An answer as it comes. In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/stream.lua "Count to ten."

local novita = require("novita")

local request = {
  model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324",
  message = arg[1] or "Count to ten.",
}

io.stdout:setvbuf("no")

local stream, problem = novita.stream(request)
if not stream then
  io.stderr:write(tostring(problem), "\n")
  os.exit(1)
end

-- A loop over the text. It raises the error of a stream that breaks: a cut answer can't look whole.
for text in stream:text() do io.write(text) end
local reply, info = stream:reply() -- the same table that a plain call returns
print()
print(("%s, %d tokens, first byte after %.3f s"):format(reply.choices[1].finish_reason,
  reply.usage.total_tokens, info.timings.first_byte))

-- The same with a callback; here the error is returned, with what had arrived.
local answer, err = novita.chat(request, { on_text = io.write })
print()
if not answer then
  io.stderr:write(tostring(err), "\n", err.partial and err.partial:text() or "", "\n")
  os.exit(1)
end
