-- Text that goes on where a prompt ends, as it comes. In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/completions.lua "Once upon a time"

local novita = require("novita")

local answer, err = novita.completions({
  model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324",
  prompt = arg[1] or "Once upon a time",
  max_tokens = 60,
}, { on_text = io.write })
if not answer then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
print(("\n(%s, %d tokens)"):format(answer.choices[1].finish_reason, answer.usage.total_tokens))
