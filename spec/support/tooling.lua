-- Conversations and tool loops at the shared simulator, for their specs.
--
--   tooling.script(tooling.calls({ "weather", { city = "Oslo" } }), tooling.says("It rains."))
--   tooling.check(messages)                       raises if the API would refuse them

local core = require("novita.core")

local talk = require("spec.support.client")

local tooling = {}

--- A step of the simulator: the model calls tools, each { name, arguments, id }.
function tooling.calls(...)
  local list = {}
  for index, call in ipairs { ... } do
    list[index] = { name = call[1], arguments = call[2] or {}, id = call[3] }
  end
  return { answer = { tool_calls = list } }
end

--- A step: the model answers.
function tooling.says(text, more)
  local step = { answer = { content = text } }
  for name, value in pairs(more or {}) do step[name] = value end
  return step
end

--- Sets the steps of the next requests.
function tooling.script(...)
  talk.sim:reset()
  talk.sim:script { ... }
end

--- A tool with one parameter x, an integer, and a function.
function tooling.tool(name, fn)
  return {
    name = name, description = "For specs.", call = fn,
    parameters = { type = "object", properties = { x = { type = "integer" } } },
  }
end

--- The messages of each request that arrived.
function tooling.sent()
  local list = {}
  for index, entry in ipairs(talk.sim:journal()) do
    list[index] = assert(core.decode(entry.body)).messages
  end
  return list
end

--- Roles, with the contents of messages that have one: "user Hi", "assistant", "tool 3".
function tooling.outline(messages)
  local list = {}
  for index, message in ipairs(messages) do
    local content = type(message.content) == "string" and " " .. message.content or ""
    list[index] = message.role .. content
  end
  return list
end

--- Raises unless each call is answered once, right behind its message and in its order, and nothing
--- else answers.
function tooling.check(messages)
  local open, next_one = {}, 1
  for index, message in ipairs(messages) do
    local where = ("message %d (%s): "):format(index, tostring(message.role))
    if message.role == "tool" then
      if message.tool_call_id ~= open[next_one] then
        error(where .. "answers " .. tostring(message.tool_call_id) .. ", not "
          .. tostring(open[next_one]), 2)
      end
      if type(message.content) ~= "string" then error(where .. "has no content", 2) end
      next_one = next_one + 1
    else
      if open[next_one] then error(where .. open[next_one] .. " was not answered", 2) end
      open, next_one = {}, 1
      for number, call in ipairs(message.tool_calls or {}) do open[number] = call.id end
      if not message.content and not open[1] then error(where .. "says nothing", 2) end
    end
  end
  if open[next_one] then error(open[next_one] .. " was not answered", 2) end
end

return tooling
