-- Calls of several attempts, for which the simulator has a script and no wait takes any time.
--
--   local outcome = tries.chat({ { status = 503 } }, { retry = { attempts = 2 } })
--   outcome.reply, outcome.err, outcome.info     what the call returned
--   outcome.sent                                 the journal: the requests that arrived
--   outcome.waits                                seconds of each wait

local clock = require("spec.support.clock")
local talk = require("spec.support.client")

local tries = {}

local function run(method, steps, options, request)
  talk.sim:reset()
  if steps.always then talk.sim:always(steps.always) else talk.sim:script(steps) end
  local loop = clock.skipping()
  local all = { loop = loop, retry = "default" }
  for name, value in pairs(options or {}) do all[name] = value end
  local client = talk.client(all)
  local value, info = client[method](client, request or talk.request())
  return {
    reply = value, info = value and info, err = not value and info or nil,
    sent = talk.sim:journal(), waits = loop.slept,
  }
end

--- What comes of a chat after these steps; { always = step } is for every request.
---@param steps table
---@param options? novita.Options
---@param request? table
function tries.chat(steps, options, request)
  return run("chat", steps, options, request)
end

--- The same for a stream.
function tries.stream(steps, options, request)
  return run("stream", steps, options, request)
end

return tries
