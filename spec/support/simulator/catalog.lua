-- The models on offer, with what is known of each one's ways on the wire.
--
-- formats: response formats it takes beside text. reasoning: "on" (may be switched off), "always",
-- "asked" (only with enable_thinking), or none. usage: where a stream carries it: "last" (a chunk
-- of its own), "finish" (with the finish reason) or "every". merged_role: the role comes in the
-- same delta as the first content. bare_calls: the first fragment of a call has no arguments.
-- luacheck: std lua54

local json = require("spec.support.simulator.json")

local catalog = {}

local BOTH = { json_object = true, json_schema = true }
local OBJECT, SCHEMA, NONE = { json_object = true }, { json_schema = true }, {}

local LIST = {
  { id = "deepseek/deepseek-v3-0324", formats = BOTH, context = 163840, output = 163840 },
  { id = "deepseek/deepseek-v3-turbo", formats = BOTH, context = 64000, output = 16000 },
  { id = "deepseek/deepseek-v3.2", formats = BOTH, context = 163840, output = 65536,
    reasoning = "asked" },
  { id = "deepseek/deepseek-v4-flash", formats = OBJECT, context = 1048576, output = 98304,
    reasoning = "on", usage = "finish", merged_role = true },
  { id = "deepseek/deepseek-v4-pro", formats = OBJECT, context = 1048576, output = 98304,
    reasoning = "on", usage = "finish", merged_role = true },
  { id = "meta-llama/llama-3.1-8b-instruct", formats = BOTH, context = 16384, output = 16384,
    usage = "every" },
  { id = "meta-llama/llama-3.3-70b-instruct", formats = NONE, context = 131072, output = 120000 },
  { id = "moonshotai/kimi-k2.5", formats = BOTH, context = 262144, output = 262144,
    merged_role = true, bare_calls = true },
  { id = "moonshotai/kimi-k2.6", formats = BOTH, context = 262144, output = 262144,
    reasoning = "always", merged_role = true, bare_calls = true },
  { id = "qwen/qwen2.5-vl-72b-instruct", formats = BOTH, context = 32768, output = 32768,
    vision = true },
  { id = "qwen/qwen3.8-max", formats = BOTH, context = 262144, output = 65536,
    strict_roles = true },
  { id = "tencent/hy3", formats = SCHEMA, context = 131072, output = 131072 },
  { id = "zai-org/glm-5.3-flash", formats = BOTH, context = 200000, output = 131072,
    reasoning = "on", strict_roles = true },
  { id = "Sao10K/L3-8B-Stheno-v3.2", formats = NONE, context = 8192, output = 32000,
    no_tools = true },
  { id = "baai/bge-reranker-v2-m3", formats = NONE, context = 8192, output = 0, kind = "rerank" },
  { id = "baai/bge-m3", formats = NONE, context = 8192, output = 0, kind = "embedding" },
}

-- Models of the simulator's own, listed too: see answer.lua.
for _, name in ipairs { "echo", "request", "count-10", "reason" } do
  LIST[#LIST + 1] = {
    id = "simulator/" .. name, formats = BOTH, context = 1048576, output = 1048576,
    reasoning = name == "reason" and "on" or nil, vision = true,
  }
end

LIST[#LIST + 1] = { id = "simulator/embed", formats = BOTH, context = 8192, output = 0,
  kind = "embedding", base64 = true }

local by_id = {}
for _, model in ipairs(LIST) do by_id[model.id] = model end

--- Finds a model; simulator/count-N exists for every N.
function catalog.find(id)
  local model = by_id[id]
  if model or type(id) ~= "string" or not id:find("^simulator/count%-%d+$") then return model end
  return setmetatable({ id = id }, { __index = by_id["simulator/count-10"] })
end

local ENDPOINTS = { embedding = "embeddings", rerank = "rerank" }

local function features(model)
  local list = json.array { "serverless" }
  if not model.no_tools then list[#list + 1] = "function-calling" end
  if next(model.formats) then list[#list + 1] = "structured-outputs" end
  if model.reasoning then list[#list + 1] = "reasoning" end
  return list
end

--- A model as the models endpoint describes it.
function catalog.describe(model)
  return {
    id = model.id, object = "model", created = 1764303147, owned_by = "unknown",
    permission = json.null, root = "", parent = "", title = model.id, display_name = model.id,
    description = "Served by the simulator bundled with novita.", tags = json.array {},
    context_size = model.context, max_output_tokens = model.output, status = 1,
    model_type = model.kind or "chat", input_token_price_per_m = 3900,
    output_token_price_per_m = 3900, features = features(model),
    endpoints = json.array { ENDPOINTS[model.kind] or "chat/completions" },
    input_modalities = json.array { "text" }, output_modalities = json.array { "text" },
  }
end

--- All models as the endpoint lists them; Novita's list has no "object".
function catalog.list()
  local items = json.array {}
  for index, model in ipairs(LIST) do items[index] = catalog.describe(model) end
  return { data = items }
end

return catalog
