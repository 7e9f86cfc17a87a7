--- The conversations of `novita chat`, in a store of the user.

local console = require("novita.cli.console")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local home = require("novita.cli.home")
local prices = require("novita.batch.prices")
local stored = require("novita.store.stored")

local history = {}

---@class novita.cli.History
---@field earlier? { model: string, system_prompt: string? } of the conversation that goes on
---@field messages novita.Message[] what was said in it
---@field private id? integer of the conversation, once it is in the store
---@field private keeps boolean
local methods = {}
local mt = { __name = "novita.cli.history", __index = methods }

--- Opens the store.
---@return novita.Store? store
---@return novita.Error? err
function history.store()
  local path, err = home.store_path()
  if not path then return nil, err end
  return require("novita.store").open(path, { synchronous = "normal" })
end

--- The number of the conversation that a command line names, or of the last one.
---@param store novita.Store
---@param given? string
---@return integer? id
---@return novita.Error? err kind config where there is none
function history.find(store, given)
  local rows, err
  if given then
    rows, err = store:query("select id from conversation where id = $1", tonumber(given) or -1)
  else
    rows, err = store:query("select conversation from exchange order by n desc limit 1")
  end
  if not rows then return nil, err end
  if rows[1] then return rows[1][1] end
  return nil, error_hint.config_error("conversation", not given and "none was kept so far"
    or given .. " is none that was kept; novita logs shows their numbers")
end

-- Reads what was said in a conversation.
local function load(self, store, id)
  local rows, err = store:query("select c.system_prompt, e.model, e.prompt, e.answer "
    .. "from conversation c join exchange e on e.conversation = c.id where c.id = $1 order by e.n",
    id)
  if not rows then return nil, err end
  self.id = id
  for _, row in ipairs(rows) do
    self.earlier = { system_prompt = row[1], model = row[2] }
    local prompt
    prompt, err = stored.read(row[3], ("conversation %d: a question"):format(id))
    if err then return nil, err end
    table.insert(self.messages, { role = "user", content = prompt })
    table.insert(self.messages, { role = "assistant", content = row[4] })
  end
  return self
end

local function continue(self, given)
  local store, err = history.store()
  if not store then return nil, err end
  local id, found
  id, err = history.find(store, given)
  if id then found, err = load(self, store, id) end
  store:close()
  return found, err
end

--- Finds the conversation that goes on, or begins one.
---@param arguments table of `novita chat`
---@return novita.cli.History? history
---@return novita.Error? err
function history.open(arguments)
  local settings, err = home.settings()
  if not settings then return nil, err end
  local self = setmetatable({ messages = {} }, mt)
  self.keeps = not arguments.no_log and settings.logs ~= "off"
  if not (arguments["continue"] or arguments.conversation) then return self end
  return continue(self, arguments.conversation)
end

-- In a transaction: the number of the conversation, which is made if there is none.
local function conversation_of(self, store, fields)
  if self.id then return self.id end
  local rows, err = store:query("insert into conversation (system_prompt, created_at) "
    .. "values ($1, {now})", fields.system_prompt)
  if rows then rows, err = store:query("select max(id) from conversation") end
  return rows and rows[1][1], err
end

local INSERT = "insert into exchange (conversation, model, prompt, answer, incomplete, "
  .. "prompt_tokens, completion_tokens, created_at) values ($1, $2, $3, $4, $5, $6, $7, {now})"

-- Writes an exchange; returns the number of its conversation.
local function insert(self, fields, exchange)
  local store, err = history.store()
  if not store then return nil, err end
  local id
  id, err = store:transaction(function()
    local number, problem = conversation_of(self, store, fields)
    if not number then return nil, problem end
    local rows
    rows, problem = store:query(INSERT, number, fields.model, exchange.prompt, exchange.answer,
      exchange.incomplete and 1 or 0, exchange.prompt_tokens, exchange.completion_tokens)
    return rows and number, problem
  end)
  store:close()
  return id, err
end

--- Keeps what was said and answered, if there is an answer or a part of one. A failure is noted on
--- standard error and changes nothing else; without SQLite nothing is kept.
---@param fields table of the request
---@param message string|table[]
---@param reply? novita.Reply or what had arrived of it
---@param incomplete boolean
function methods:add(fields, message, reply, incomplete)
  local text = reply and reply:text()
  if not self.keeps or (text or "") == "" then return end
  local prompt_tokens, completion_tokens = prices.tokens(reply.usage)
  local id, err = insert(self, fields, {
    prompt = core.encode(message), answer = text, incomplete = incomplete,
    prompt_tokens = prompt_tokens, completion_tokens = completion_tokens,
  })
  self.id, self.keeps = id or self.id, id ~= nil
  if err and err.kind ~= "config" then
    console.note("novita: this conversation is not kept: " .. tostring(err))
  end
end

return history
