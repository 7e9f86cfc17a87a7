-- What can go wrong, and how a program tells it apart:  lua examples/errors.lua

local novita = require("novita")

-- A call that fails returns nil and an error. To people it is one line, tostring(err); to programs
-- it is err.kind, a word of a closed list, and err:is(family).
local function advice(err)
  if err.kind == "config" then return "mend the field " .. err.param end
  if err.kind == "authentication" then return "check NOVITA_API_KEY" end
  if err.kind == "rate_limit" then return "slow down" end
  if err:is("connection") then return "look at the network: " .. err.reason end
  if err:is("api_status") then return "the server said " .. err.status end
  return "report it"
end

local function try(what, request, options)
  local reply, err = novita.chat(request, options)
  print(what)
  print("  " .. tostring(reply or err))
  if not reply then print("  -> " .. advice(err)) end
end

local model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct"
local question = { model = model, message = "Hi" }

try("a temperature of 3", { model = model, message = "Hi", temperature = 3 })
try("a wrong key", question, { api_key = "sk_wrong" })
try("an unknown model", { model = "nobody/knows-this-one", message = "Hi" })
try("a server that is not there", question,
  { base_url = "http://127.0.0.1:1/v1", api_key = false, retry = "none" })
try("nothing wrong", question)
