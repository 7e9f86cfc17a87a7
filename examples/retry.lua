-- Attempts: what is tried again, how long it waits, and what became of each.
-- In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/retry.lua

local novita = require("novita")

local model = os.getenv("NOVITA_MODEL") or "meta-llama/llama-3.3-70b-instruct"

-- A value, or the end: an error in one line.
local function need(value, err)
  if value then return value, err end
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local made, client = pcall(novita.new, {
  deadline = 60, -- seconds for the whole call, its attempts and its waits
  retry = {
    attempts = 3,
    initial_delay = 0.2, -- seconds; doubled each time, unless the server names a longer wait
    before = function(attempt, err, delay)
      print(("attempt %d: %s; again in %.1f s"):format(attempt, tostring(err), delay))
    end,
    retry_if = require("novita.retry").bad.empty, -- an answer without any content
  },
})
need(made, client) -- it raises where the module is not built for this Lua

local question = { model = model, message = "What is the capital of France?" }
local reply, info = need(client:chat(question))
print(reply)
for number, attempt in ipairs(info.attempts) do
  print(("attempt %d took %.3f s: %s"):format(number, attempt.seconds,
    attempt.error and tostring(attempt.error) or "an answer"))
end

-- Any function that returns nil and an error can be tried again in the same way.
local tries = 0
local fetch = novita.retry(function(name)
  tries = tries + 1
  if tries < 3 then return nil, "not yet" end
  return "hello " .. name
end, { initial_delay = 0.01 })
print(fetch("world"), tries)
