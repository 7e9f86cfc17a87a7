-- One question, one answer. In a checkout, with NOVITA_API_KEY set, and NOVITA_BASE_URL for another
-- OpenAI-compatible server:
--   make && eval "$(make -s env)" && lua5.4 examples/hello.lua "Why is the sky blue?"

local novita = require("novita")

local reply, err = novita.chat {
  model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct",
  system_prompt = "You are a helpful assistant.",
  message = arg[1] or "What is the capital of France?",
  temperature = 0.7,
  max_tokens = 1024,
}
if not reply then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

print(reply.choices[1].message.content)
local usage = reply.usage -- not every server counts
if usage then
  print(("%s: %d tokens (%d asked, %d answered)"):format(reply.model, usage.total_tokens,
    usage.prompt_tokens, usage.completion_tokens))
end
