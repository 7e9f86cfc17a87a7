-- Which models are there, and those that have a word in their name? The list needs no key;
-- NOVITA_BASE_URL is for another OpenAI-compatible server. In a checkout:
--   make && eval "$(make -s env)" && lua5.4 examples/models.lua llama

local novita = require("novita")

local models, err = novita.models()
if not models then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

-- Novita counts prices in 1/10000 of a dollar for a million tokens; other servers have none.
local function dollars(price)
  return price and ("$%.2f"):format(price / 10000) or "-"
end

table.sort(models, function(a, b) return a.id < b.id end)
print(("%-40s %9s %7s %7s"):format("model", "context", "in", "out"))
for _, model in ipairs(models) do
  if model.id:find(arg[1] or "", 1, true) then
    print(("%-40s %9s %7s %7s"):format(model.id, model.context_size or "-",
      dollars(model.input_token_price_per_m), dollars(model.output_token_price_per_m)))
  end
end
