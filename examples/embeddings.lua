-- Which of twenty texts are nearest to a question? In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/embeddings.lua "How do I brew coffee?"

local novita = require("novita")

local TEXTS = {
  "Coffee tastes best when it is brewed just below the boiling point.",
  "Grind the coffee beans right before you brew them.", "A cat sleeps for most of the day.",
  "Bread rises because yeast makes gas.", "The moon pulls the tides.",
  "Lua is a small language that is easy to embed.", "A bicycle needs air in its tyres.",
  "Green tea should steep for two minutes.", "Bees dance to tell where flowers are.",
  "A library lends books.", "Rust is iron that met water and air.", "Owls hunt at night.",
  "The piano has eighty-eight keys.", "Salt melts the ice on a road.",
  "Chess is played on sixty-four fields.", "A compass points to the north.",
  "Potatoes grow under the ground.", "The heart beats about once a second.",
  "Glass is made of sand.", "Snow is water that froze in the air.",
}

local question = arg[1] or "How do I brew coffee?"
local input = { question }
for index, text in ipairs(TEXTS) do input[index + 1] = text end

local answer, err = novita.embeddings {
  model = os.getenv("NOVITA_MODEL") or "baai/bge-m3",
  input = input,
}
if not answer then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

-- The cosine of the angle between two vectors: 1 where they point the same way.
local function similarity(a, b)
  local product, of_a, of_b = 0, 0, 0
  for index, value in ipairs(a) do
    product, of_a, of_b = product + value * b[index], of_a + value ^ 2, of_b + b[index] ^ 2
  end
  return of_a > 0 and of_b > 0 and product / math.sqrt(of_a * of_b) or 0
end

local ranked = {}
for index, text in ipairs(TEXTS) do
  local vectors = answer.data
  local near = similarity(vectors[1].embedding, vectors[index + 1].embedding)
  ranked[index] = { text = text, near = near }
end
table.sort(ranked, function(a, b) return a.near > b.near end)

print(question)
for place = 1, 3 do print(("%.3f  %s"):format(ranked[place].near, ranked[place].text)) end
