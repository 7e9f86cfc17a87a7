--- `novita logs`: what was asked and answered.

local answer = require("novita.cli.answer")
local compat = require("novita.compat")
local console = require("novita.cli.console")
local core = require("novita.core")
local history = require("novita.cli.history")

local USUAL = 3 -- exchanges that are shown
local MOST = 2 ^ 53 -- that can be asked for

local COLUMNS = { "conversation", "model", "prompt", "answer", "incomplete", "prompt_tokens",
  "completion_tokens", "created_at" }

-- A pattern of SQL for what has this text in it.
local function pattern(text)
  return "%" .. text:gsub("[%%_!]", "!%0") .. "%"
end

-- The rows that the arguments ask for, the latest first; nil and an error.
local function read(store, arguments)
  local where, values = {}, {}
  local function parameter(value)
    values[#values + 1] = value
    return "$" .. #values
  end
  if arguments["continue"] or arguments.conversation then
    local id, err = history.find(store, arguments.conversation)
    if not id then return nil, err end
    where[1] = "conversation = " .. parameter(id)
  end
  if arguments.query then -- prompts are kept as JSON
    where[#where + 1] = ("(prompt like %s escape '!' or answer like %s escape '!')"):format(
      parameter(pattern(core.encode(arguments.query):sub(2, -2))),
      parameter(pattern(arguments.query)))
  end
  local sql = ("select %s from exchange %s order by n desc limit %s"):format(
    table.concat(COLUMNS, ", "), where[1] and "where " .. table.concat(where, " and ") or "",
    parameter(arguments.count or where[1] and -1 or USUAL))
  return store:query(sql, compat.unpack(values))
end

-- A row as a table by the names of its columns.
local function exchange_of(row)
  local exchange = {}
  for index, name in ipairs(COLUMNS) do exchange[name] = row[index] end
  exchange.prompt = core.decode(exchange.prompt)
  exchange.incomplete = exchange.incomplete ~= 0 or nil
  return exchange
end

-- Quotes a message; a picture is named.
local function quotation_of(prompt)
  local texts = {}
  for _, part in ipairs(type(prompt) == "table" and prompt or { prompt }) do
    texts[#texts + 1] = type(part) == "table" and "(a picture)" or tostring(part)
  end
  return "> " .. table.concat(texts, "\n"):gsub("\n", "\n> ")
end

local function show(exchange)
  local head = ("%s  conversation %d  %s  %s"):format(
    os.date("%Y-%m-%d %H:%M", math.floor(exchange.created_at)), exchange.conversation,
    tostring(exchange.model), exchange.prompt_tokens and answer.usage(exchange) or "")
  console.write(head, "bold")
  console.write(("\n%s\n%s%s\n\n"):format(quotation_of(exchange.prompt), exchange.answer,
    exchange.incomplete and "\n(interrupted)" or ""))
end

local function run(arguments)
  local store, err = history.store()
  if not store then return nil, err end
  local rows
  rows, err = read(store, arguments)
  store:close()
  if not rows then return nil, err end
  if not rows[1] then console.note("no exchange was found") end
  for index = #rows, 1, -1 do
    local exchange = exchange_of(rows[index])
    if arguments.json then console.write_json(exchange) else show(exchange) end
  end
  return 0
end

local function count(text)
  local number = tonumber(text)
  if number and number >= 1 and number < MOST and number % 1 == 0 then return math.floor(number) end
  return nil, ('expected a number of exchanges, got "%s"'):format(text)
end

return {
  name = "logs",
  summary = "Show what was asked and answered.",
  examples = {
    { "novita logs", "shows the last three questions and answers" },
    { "novita logs -c", "shows the last conversation" },
    { "novita logs -q sqlite -n 20", "shows the last twenty that have this word" },
    { "novita logs -n 1 --json | jq -r .answer", "has the last answer" },
  },
  json = "them as JSON, one a line",
  options = function(parser)
    parser:option("-n --count"):argname("COUNT"):convert(count):description("So many of them.")
    parser:flag("-c --continue"):description("Those of the last conversation.")
    parser:option("--conversation"):argname("ID"):description("Those of this one.")
    parser:option("-q --query"):argname("TEXT"):description("Those that have this text in them.")
  end,
  run = run,
}
