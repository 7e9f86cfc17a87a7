-- What the simulated model says: always the same to the same messages.
--
-- Plain questions get two friendly sentences; a wish for bullets gets bullets; JSON is given where
-- asked for; a tool is called when the user's message names it. The models simulator/... serve
-- specs: echo says the last message again, request gives the raw request body, count-N counts to N.
-- luacheck: std lua54

local json = require("spec.support.simulator.json")
local schema = require("spec.support.simulator.schema")
local tokens = require("spec.support.simulator.tokens")

local mind = {}

--- The text of a message, its text parts joined.
function mind.text_of(message)
  local content = message.content
  if type(content) == "string" then return content end
  if type(content) ~= "table" then return "" end
  local parts = {}
  for _, part in ipairs(content) do
    if type(part) == "table" and type(part.text) == "string" then parts[#parts + 1] = part.text end
  end
  return table.concat(parts, " ")
end

--- How many tokens all messages have; only text counts.
function mind.prompt_tokens(body)
  local count = 0
  for _, message in ipairs(body.messages) do
    count = count + tokens.count(mind.text_of(message))
  end
  return count
end

-- At most `size` bytes of a text on one line, cut between words.
local function shorten(text, size)
  text = text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text <= size then return text end
  return (text:sub(1, size + 1):match("^(.*) ") or "a long word") .. " ..."
end

local function bullets(question, count)
  local list, rest = {}, question:match(":%s*(.+)$") or question
  for sentence in rest:gmatch("%s*([^.!?\n]+)") do
    if #list == count then break end
    if sentence:find("%w") then list[#list + 1] = "- " .. shorten(sentence, 100) end
  end
  while #list < count do list[#list + 1] = "- There is no more to say about it." end
  return table.concat(list, "\n")
end

local function prose(question)
  local count = tonumber(question:match("(%d+) [%w%- ]-bullet"))
  if count and count >= 1 and count <= 20 then return bullets(question, count) end
  return string.format("You asked: \"%s\" That is a good question, and the simulator that comes "
    .. "with novita answers every good question with these two sentences.", shorten(question, 120))
end

local function counting(count)
  local words = {}
  for number = 1, count do words[number] = tostring(number) end
  return table.concat(words, " ")
end

local function structured(format, question)
  local wanted = format.type == "json_schema" and format.json_schema.schema
  if wanted then return json.encode(schema.instance(wanted)) end
  return json.encode { answer = "These words come from the simulator.",
    question = shorten(question, 120) }
end

-- Whether a message asks for a tool: it has the tool's name, or the word its name ends with.
local function names_tool(text, name)
  local lower = text:lower()
  local word = name:lower():match("([^_%-]+)$")
  return lower:find(name:lower(), 1, true) or word and #word > 3 and lower:find(word, 1, true)
end

local function call(tool, text, number)
  local spec = tool["function"]
  local hint = text:match("%W(%u%l+)%W*$") or text:match(".*%W(%u%l+)") or "text"
  return {
    id = string.format("call_%02d_%s", number, spec.name), type = "function",
    name = spec.name,
    arguments = json.encode(type(spec.parameters) == "table"
      and schema.instance(spec.parameters, hint) or {}),
  }
end

-- The tools to call: those asked for, or the first when a call is required.
local function calls(body, last)
  local choice, list = body.tool_choice, {}
  if type(body.tools) ~= "table" or choice == "none" or last.role ~= "user" then return list end
  local named = type(choice) == "table" and type(choice["function"]) == "table"
    and choice["function"].name
  local text = mind.text_of(last)
  for index, tool in ipairs(body.tools) do
    local name = tool["function"].name
    local wanted = named and named == name or not named and names_tool(text, name)
    if wanted or (choice == "required" and index == #body.tools and #list == 0) then
      list[#list + 1] = call(tool, text, #list)
    end
  end
  return list
end

local function content(body, model, last, raw)
  local text = mind.text_of(last)
  if model.id == "simulator/echo" then return text end
  if model.id == "simulator/request" then return raw end
  local count = model.id:match("^simulator/count%-(%d+)$")
  if count then return counting(tonumber(count)) end
  local format = body.response_format
  if format and format.type ~= "text" then return structured(format, text) end
  if last.role == "tool" then return "The tool has answered: " .. text end
  return prose(text)
end

local function thinks(body, model)
  local mode = model.reasoning
  if not mode then return false end
  if mode == "always" then return true end
  if mode == "asked" then return body.enable_thinking == true end
  local thinking = type(body.thinking) == "table" and body.thinking.type
  return body.enable_thinking ~= false and thinking ~= "disabled"
end

--- What the model answers: reasoning (may be nil), and content or a list of tool calls.
---@param body table the decoded request
---@param model table from the catalog
---@param raw string the request as it came
function mind.answer(body, model, raw)
  local last = body.messages[#body.messages]
  local reply = { calls = calls(body, last) }
  if thinks(body, model) then
    reply.reasoning = string.format("The user says \"%s\" A short answer will do.",
      shorten(mind.text_of(last), 60))
  end
  if #reply.calls == 0 then reply.content = content(body, model, last, raw) end
  return reply
end

return mind
