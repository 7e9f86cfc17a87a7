--- `novita models`: the models of the server, with their context and prices.

local account = require("novita.cli.account")
local console = require("novita.cli.console")
local core = require("novita.core")
local prices = require("novita.batch.prices")

local HEADER = { "MODEL", "CONTEXT", "USD/M IN", "USD/M OUT" }
local PER_MILLION = 1e6

-- Does a model have every word of the filter in its name?
local function fits(model, words)
  local name = tostring(model.id):lower()
  for _, word in ipairs(words) do
    if not name:find(word:lower(), 1, true) then return false end
  end
  return true
end

-- USD per million tokens.
local function money(usd)
  return usd and ("%.4g"):format(usd * PER_MILLION) or "-"
end

local function row_of(model)
  local price = prices.read(model) or {}
  local context = tonumber(model.context_size)
  return { tostring(model.id), context and ("%d"):format(context) or "-", money(price.input),
    money(price.output) }
end

-- The rows as columns: the first to the left, numbers to the right.
local function columns(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for index, cell in ipairs(row) do widths[index] = math.max(widths[index] or 0, #cell) end
  end
  for _, row in ipairs(rows) do
    local cells = { row[1] .. (" "):rep(widths[1] - #row[1]) }
    for index = 2, #row do cells[index] = (" "):rep(widths[index] - #row[index]) .. row[index] end
    lines[#lines + 1] = table.concat(cells, "  ")
  end
  return lines
end

-- Writes a header and columns to a terminal, and tabs to other outputs.
local function write(models)
  local rows = {}
  for _, model in ipairs(models) do rows[#rows + 1] = row_of(model) end
  if console.is_terminal(io.stdout) then
    table.insert(rows, 1, HEADER)
    rows = columns(rows)
    console.write(table.remove(rows, 1), "bold")
    console.write("\n")
  else
    for index, row in ipairs(rows) do rows[index] = table.concat(row, "\t") end
  end
  console.write(table.concat(rows, "\n") .. "\n")
end

local function run(arguments)
  local client, err = account.client(nil, true)
  if not client then return nil, err end
  local all
  all, err = client:models()
  if not all then return nil, err end
  local models = {}
  for _, model in ipairs(all) do
    if fits(model, arguments.filter) then models[#models + 1] = model end
  end
  table.sort(models, function(a, b) return tostring(a.id) < tostring(b.id) end)
  if arguments.json then
    console.write_json(core.array(models))
  elseif models[1] then
    write(models)
  end
  if models[1] then return 0 end
  return nil, "no model has this in its name: " .. table.concat(arguments.filter, " ")
end

return {
  name = "models",
  summary = "List models with their context and prices.",
  description = "List the models of the server: name, tokens of context, and what a million tokens "
    .. "of a prompt and of an answer cost in USD. A program that reads this gets tabs between them "
    .. "and no header.",
  examples = {
    { "novita models", "lists all" },
    { "novita models llama 70b", "lists those with both words in their name" },
    { "novita models --json | jq -r '.[].id'", "has all that the server tells" },
  },
  json = "what the server tells, as JSON",
  options = function(parser)
    parser:argument("filter"):args("*"):argname("FILTER")
      :description("Words that the name of a model has.")
  end,
  run = run,
}
