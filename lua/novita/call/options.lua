--- The options of a call, one row each.
---
--- Options of the transport are defined in C (src/http/options.h, src/lua/options.c) and returned
--- by core.options(). This file defines the options that the Lua layer uses, and additions to those
--- of the transport. `make doc-options` writes the tables in doc/, :help and the LuaCATS class
--- novita.Options from the rows.

local core = require("novita.core")
local each = require("novita.compat").each
local rule = require("novita.rule")

local options = {}

---@class novita.OptionRow
---@field name string
---@field rule? novita.OptionRule what it may be beside false; without one, what uses it checks it
---@field type? string in LuaCATS; default: that of the rule
---@field unit? string
---@field default? any a number or boolean, or words; default: none
---@field topic string of the table in doc/ that it stands in
---@field help string one line, which may have Markdown in it

---@type novita.OptionRow[]
local ROWS = {
  { name = "api_key", type = "string|false|fun(): string?, any", help = "sent as `Authorization: "
    .. "Bearer ...`; a function is called for each attempt and returns the key, or nil and a "
    .. "reason; `false` sends none" },
  { name = "query", rule = rule.pairs },
  { name = "client_key_passphrase", rule = rule.path_or_function,
    type = "string|fun(): string?, any", help = "the passphrase of an encrypted key: a file that "
    .. "holds it in its first line, or a function that is called for each attempt and returns it, "
    .. "or nil and a reason" },

  { name = "retry", topic = "policy", default = '`"default"`',
    type = '"default"|"aggressive"|"none"|table|false', help = "see [retry.md](retry.md); a table "
    .. 'is merged with the client\'s, false is `"none"`' },
  { name = "limit", topic = "policy", type = "novita.Limiter|novita.LimitOptions|false",
    help = "a limiter, or a table for one: see [limits.md](limits.md)" },
  { name = "defaults", topic = "policy", rule = rule.table, help = "fields of chat requests, "
    .. "which those of a request override; those of a call override the client's" },
  { name = "vars", topic = "policy", rule = rule.table, help = "fills the [templates](templates.md)"
    .. " in the request; without it a request is sent as it is" },
  { name = "log", topic = "policy", rule = rule.callable,
    type = 'fun(level: "info"|"warn"|"error", event: table)',
    help = "receives attempts, delays and failures, see [logs.md](logs.md)" },
  { name = "nginx_wakeup", topic = "policy", default = '`"event"`',
    rule = rule.one_of { event = true, thread = true, timer = true }, help = "how an nginx "
    .. "worker is notified of work, see [nginx.md](nginx.md#how-a-worker-is-notified-of-work)"
  },
  { name = "loop", topic = "policy", rule = rule.with("a loop", "now", "wait"),
    default = "chosen by where the code runs",
    help = "how to wait, see [core.md](core.md#a-loop-of-your-own)" },

  { name = "on_text", topic = "stream", rule = rule.callable, type = "fun(text: string): boolean?",
    help = "called with each piece of text; `false` ends the call with the reply so far" },
  { name = "on_chunk", topic = "stream", rule = rule.callable,
    type = "fun(chunk: table): boolean?", help = "the same with each chunk" },

  { name = "parse", topic = "structured", rule = rule.boolean, default = false, help = "decodes "
    .. "the answer into `reply.parsed`; it must match the schema in `response_format`" },

  { name = "max_context", topic = "conversation", rule = rule.integer(1), unit = "tokens",
    help = "the oldest turns are omitted from a request that would, with its answer, exceed this; "
    .. "also in `run_tools`" },
  { name = "keep_partial", topic = "conversation", rule = rule.boolean, default = false,
    help = "keeps the text so far of an answer that was stopped or cancelled" },
  { name = "max_turns", topic = "tools", rule = rule.integer(1), default = 10, help = "calls of "
    .. "the model; if the last one calls tools too, they run, and the error is `tool_turns`" },
  { name = "on_call", topic = "tools", rule = rule.callable,
    type = "fun(name: string, arguments: table): boolean?, any", help = "called before each tool "
    .. "call, one after the other; it may return `false` and a reason to refuse the call" },

  { name = "concurrency", topic = "map", rule = rule.integer(1), default = 8,
    help = "for `map`: concurrent items" },
  { name = "on_error", topic = "map", rule = rule.one_of { continue = true, stop = true },
    default = '`"continue"`',
    help = 'for `map`: with `"stop"` the first failure cancels the others' },
  { name = "on_progress", topic = "map", rule = rule.callable,
    type = "fun(done: integer, total: integer, summary: novita.Summary)",
    help = "for `map`: called after each item" },
}

--- Returns the kind of each option: "wire" is passed to the C module, "policy" is used in Lua.
---@type table<string, "wire"|"policy">
options.known = {}

---@type table<string, novita.OptionRule>
options.rules = {}

--- Returns the options that are a number or a boolean.
---@type table<string, any>
options.defaults = {}

for _, row in ipairs(core.options()) do
  if row.topic then options.known[row.name] = "wire" end
end
for _, row in ipairs(ROWS) do
  options.known[row.name] = options.known[row.name] or "policy"
  options.rules[row.name] = row.rule
  if type(row.default) ~= "string" then options.defaults[row.name] = row.default end
end

--- Returns new copies of all rows.
---@return novita.OptionRow[]
function options.rows()
  local rows, by_name = {}, {}
  for _, row in ipairs(core.options()) do
    by_name[row.name] = row
    if row.topic then rows[#rows + 1] = row end
  end
  for _, own in ipairs(ROWS) do
    local row = by_name[own.name]
    if not row then
      row = {}
      rows[#rows + 1] = row
    end
    for field, value in each(own) do row[field] = value end
    row.type = row.type or row.rule.type
  end
  return rows
end

return options
