-- Errors, and how a program distinguishes them. In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/errors.lua

local novita = require("novita")

-- A call that fails returns nil and an error: tostring(err) is one line for people, err.kind a word
-- of a closed list for programs, and err:is(family) tests it.
local function advice(err)
  if err.kind == "config" then return "correct the field " .. err.param end
  if err.kind == "authentication" then return "check NOVITA_API_KEY" end
  if err.kind == "rate_limit" then return "slow down" end
  if err:is("connection") then return "look at the network: " .. err.reason end
  if err:is("api_status") then return "the server said " .. err.status end
  return "report it"
end

local model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct"
local question = { model = model, message = "Hi" }

-- When this fails, so does all that follows, and for the same reason.
local reply, err = novita.chat(question)
if not reply then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
print("nothing wrong")
print("  " .. tostring(reply))

local function try(what, request, options)
  local _, problem = novita.chat(request, options)
  print(what)
  print("  " .. tostring(problem))
  print("  -> " .. advice(problem))
end

try("a temperature of 3", { model = model, message = "Hi", temperature = 3 })
try("a wrong key", question, { api_key = "sk_wrong" })
try("an unknown model", { model = "no/such-model", message = "Hi" })
try("a server that is not there", question,
  { base_url = "http://127.0.0.1:1/v1", api_key = false, retry = "none" })
