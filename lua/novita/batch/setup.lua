--- The table that describes a batch: its fields, checked once, and the options of its calls.

local each = require("novita.compat").each
local misuse = require("novita.misuse")
local options = require("novita.call.options")
local rule = require("novita.rule")

local setup = {}

---@class novita.BatchSetup: novita.Options
---@field input? string the file of the rows: JSON Lines, CSV (.csv), or the lines of a batch
---@field output? string the file that the answers are written to
---@field store? novita.Store|string|table default: the output's name, ending in .db
---@field name? string of the batch in its store; default: the input's name without its folder
---@field request? novita.Request|table filled for each row: `{{row.text}}`; batch lines need none
---@field endpoint? string default: "/chat/completions"
---@field format? "jsonl"|"csv" of the input
---@field id? string|false the field that names a row; false: none
---@field budget? { usd: number?, tokens: integer? } of the batch, earlier runs included
---@field abort_on? string[] kinds of errors that stop it; default: authentication, balance, config
---@field max_failures? number it stops when more calls have failed: a count, or below 1 a share
---@field check? fun(reply: table, id: string): any, any false or nil, and why: the answer is bad
---@field in_doubt? "send"|"hold" what becomes of calls that a crash has interrupted
---@field keep_failures? boolean true: rows that have failed are not sent again
---@field on_progress? fun(status: novita.BatchProgress)
---@field store_timeout? number seconds for which answers that the store refuses are tried again
---@field lease? number seconds that a call belongs to a process of several without a sign of life
---@field interrupts? boolean false: leaves Ctrl-C to the program

local a_text = {
  expected = "a string", type = "string",
  accepts = function(value) return type(value) == "string" and value ~= "" end,
}
local a_name = {
  expected = "a string without zero bytes", type = "string",
  accepts = function(value) return a_text.accepts(value) and not value:find("%z") end,
}
local a_path = {
  expected = 'a path such as "/embeddings"', type = "string",
  accepts = function(value) return type(value) == "string" and value:find("^/[^%c ]*$") ~= nil end,
}
local a_store = {
  expected = "a store, its address, or a table of both", secret = true,
  accepts = function(value)
    local kind = type(value)
    return kind == "string" or kind == "table" or kind == "userdata"
  end,
}
local an_id = {
  expected = "the name of a field, or false",
  accepts = function(value) return value == false or a_text.accepts(value) end,
}
local kinds = {
  expected = "a list of kinds of errors",
  accepts = function(value)
    for _, kind in ipairs(type(value) == "table" and value or { false }) do
      if type(kind) ~= "string" then return false end
    end
    return true
  end,
}

local RULES = {
  input = a_text, output = a_text, name = a_name, store = a_store, request = rule.table,
  endpoint = a_path, format = rule.one_of { jsonl = true, csv = true }, id = an_id,
  budget = rule.table, abort_on = kinds, max_failures = rule.failures, check = rule.callable,
  in_doubt = rule.one_of { send = true, hold = true }, keep_failures = rule.boolean,
  on_progress = rule.callable, interrupts = rule.boolean, store_timeout = rule.number(0),
  lease = rule.number(1),
}

local BUDGET_RULES = { usd = rule.number(0), tokens = rule.integer(0) }

-- Options that say what becomes of an answer, which a batch decides by itself.
local NOT_FOR_BATCHES = { on_text = true, on_chunk = true, on_error = true }

local function unknown(name)
  local names = {}
  for field in each(RULES) do names[field] = true end
  for option in each(options.known) do names[option] = not NOT_FOR_BATCHES[option] or nil end
  misuse.unknown("batch", name, names, "field")
end

--- Checks the table of a batch and parts it into the batch's own fields and the options of its
--- calls. Raises if a field is unknown or wrong.
---@param given novita.BatchSetup
---@return table fields, novita.Options call_options
function setup.read(given)
  if type(given) ~= "table" then misuse.expected("batch", "a table", given) end
  local fields, call_options = {}, { keep_body = true }
  for name, value in each(given) do
    if RULES[name] then
      local problem = rule.problem(value, RULES[name])
      if problem then misuse.raise(("batch.%s: %s"):format(name, problem)) end
      fields[name] = value
    elseif options.known[name] and not NOT_FOR_BATCHES[name] then
      call_options[name] = value
    else
      unknown(name)
    end
  end
  if fields.budget then rule.check("batch.budget", fields.budget, BUDGET_RULES) end
  return fields, call_options
end

return setup
