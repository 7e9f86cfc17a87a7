-- Limits: requests and tokens a minute, and calls at once, kept by all that share them.

local novita = require("novita")

local model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct"

-- One limiter for two clients: together they stay below it. A 429 of one pauses both.
local limit = novita.limit { rpm = 600, tpm = 60000, concurrency = 4 }
local fast = novita.new { limit = limit, retry = { attempts = 3 } }
local patient = novita.new { limit = limit, retry = "aggressive" }

novita.spawn(function()
  for number = 1, 3 do
    local reply = fast:chat { model = model, message = "Say " .. number, max_tokens = 20 }
    print("fast", number, reply)
  end
end)
novita.spawn(function()
  for number = 1, 3 do
    local reply = patient:chat { model = model, message = "Say " .. number, max_tokens = 20 }
    print("patient", number, reply)
  end
end)
novita.run()

-- What can never be had is an error at once, and not a wait without end.
local _, err = fast:chat { model = model, message = "A long story.", max_tokens = 100000 }
print(err.kind, err.message)
