-- A chat in the terminal: each line is a message; Ctrl-D ends it.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/conversation.lua "Why is the sky blue?"

local novita = require("novita")

local function check(value, err)
  if value then return value end
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local chat = check(novita.conversation {
  model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324",
  system_prompt = "You are a helpful assistant. Answer in a few sentences.",
  options = { max_context = 32000 }, -- tokens; beyond that the oldest turns are not sent
})

local function say(text)
  local reply, err = chat:send(text, {
    on_text = function(piece)
      io.write(piece)
      io.flush()
    end,
  })
  if reply then io.write("\n") end
  return reply, err
end

check(say(arg[1] or "Hello! What can you do for me?"))
while true do
  io.write("> ")
  io.flush()
  local line = io.read("*l")
  if not line then break end
  if line:find("%S") then
    local reply, err = say(line)
    if not reply then io.stderr:write(tostring(err), "\n") end -- all is as before: say it again
  end
end
print(("\n%d messages"):format(#chat.messages))
