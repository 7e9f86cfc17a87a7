-- Which documents answer a question? In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/rerank.lua "Where does the cat sit?"

local novita = require("novita")

local documents = {
  "The dog is in the bog.", "The cat sits on the mat.", "Where there is smoke, there is fire.",
  "A mat is made of straw.",
}

local answer, err = novita.rerank {
  model = os.getenv("NOVITA_MODEL") or "baai/bge-reranker-v2-m3",
  query = arg[1] or "Where does the cat sit?",
  documents = documents,
  top_n = 2,
}
if not answer then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
for _, result in ipairs(answer.results) do
  print(("%.3f  %s"):format(result.relevance_score, documents[result.index + 1]))
end
