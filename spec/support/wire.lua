-- Calls through novita.core to the shared simulator, for the specs of the transport.
--
--   local reply, info = wire.chat({ deadline = 1 })
--   local err = wire.fails({ cut = 20 })                    one scripted step, one call, its error
--   local seconds = wire.took(function() ... end)

local core = require("novita.core")

local child = require("spec.support.child")
local simulator = require("spec.support.simulator_client")

-- Bounds on time are wider where a checker makes all slower.
local SLACK = 0.2 * (tonumber(os.getenv("NOVITA_SPEC_SLOWNESS")) or 1)

local wire = {
  key = "sk_spec",
  model = "deepseek/deepseek-v3-0324",
  slack = SLACK,
}

wire.request = { model = wire.model, message = "Hello there" }

--- A request with this message.
---@param text string
---@return table
function wire.asking(text)
  return { model = wire.model, message = text }
end

--- Options of a call to the shared simulator, with others over them.
---@param options? table
---@return table
function wire.options(options)
  local all = { base_url = simulator.shared().url, api_key = wire.key }
  for name, value in pairs(options or {}) do all[name] = value end
  return all
end

--- One blocking call.
function wire.chat(options, request)
  return core.chat(request or wire.request, wire.options(options))
end

--- One blocking call that must succeed.
---@return table reply, table info
function wire.succeeds(step, options)
  if step then simulator.shared():script { step } end
  local reply, info = wire.chat(options)
  if not reply then error("the call failed: " .. tostring(info), 2) end
  return reply, info
end

--- One blocking call that must fail.
---@return table err
function wire.fails(step, options)
  if step then simulator.shared():script { step } end
  local reply, err = wire.chat(options)
  if reply then error("the call succeeded: " .. tostring(reply), 2) end
  return err
end

--- How long fn takes, in seconds.
function wire.took(fn)
  local start = core.now()
  fn()
  return core.now() - start
end

--- The only entry of the journal, once its request is over for the server.
function wire.entry(number)
  return simulator.shared():wait_for(function(entries)
    local entry = entries[number or 1]
    return entry and (entry.complete or entry.client_closed) and entry
  end)
end

--- The start of a program for child.run: `chat(options)` there is a call to the simulator.
function wire.program(code)
  return ([[
    local core = require("novita.core")
    local native = require("spec.support.native")
    local function chat(options)
      local all = { base_url = %q, api_key = %q }
      for name, value in pairs(options or {}) do all[name] = value end
      return core.chat({ model = %q, message = "Hello there" }, all)
    end
  ]]):format(simulator.shared().url, wire.key, wire.model) .. code
end

--- Runs such a program to its end and returns what it printed.
function wire.run(code, environment)
  local output, how, number = child.run(wire.program(code), environment)
  if how ~= "exit" or number ~= 0 then
    error(("child ended with %s %d: %s"):format(how, number, output), 2)
  end
  return output
end

return wire
