-- Limits: requests and tokens a minute, and calls at once, kept by all that share them.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/limits.lua

local novita = require("novita")

local model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct"

-- A value, or the end: an error in one line.
local function need(value, err)
  if value then return value end
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

-- One limiter for two clients: together they stay below it. A 429 of one pauses both.
local made, limit = pcall(novita.limit, { rpm = 600, tpm = 60000, concurrency = 4 })
need(made, limit) -- it raises where the module is not built for this Lua
local fast = novita.new { limit = limit, retry = { attempts = 3 } }
local patient = novita.new { limit = limit, retry = "aggressive" }

novita.spawn(function()
  for number = 1, 3 do
    local reply = need(fast:chat { model = model, message = "Say " .. number, max_tokens = 20 })
    print("fast", number, reply)
  end
end)
novita.spawn(function()
  for number = 1, 3 do
    local reply = need(patient:chat { model = model, message = "Say " .. number, max_tokens = 20 })
    print("patient", number, reply)
  end
end)
novita.run()

-- A call that exceeds a limit by itself is an error at once; it does not wait.
local _, err = fast:chat { model = model, message = "A long story.", max_tokens = 100000 }
print(err.kind, err.message)
