--- The client of the command's calls: its key, its server, its model. What a word of the command
--- line says comes first, then the environment, then the files of the user. A key is never a word
--- of the command line, where every process of the machine could read it.

local error_hint = require("novita.error_hint")
local home = require("novita.cli.home")
local novita = require("novita")
local tables = require("novita.tables")

local account = {}

--- Makes a client.
---@param options? novita.Options
---@param public? boolean the calls need no key
---@return novita.Client? client
---@return novita.Error? err
function account.client(options, public)
  local settings, err = home.settings()
  if not settings then return nil, err end
  local own = tables.merged(options or {})
  if not home.variable("NOVITA_BASE_URL") then own.base_url = settings.base_url end
  if not home.variable("NOVITA_API_KEY") then
    own.api_key, err = home.key()
    if err then return nil, err end
    if not own.api_key and not public then
      return nil, error_hint.config_error("api_key",
        "there is none: set NOVITA_API_KEY, or run: novita keys set")
    end
  end
  return novita.new(own)
end

--- Returns the text of a misuse error without its position, which is a line of the command itself.
---@param problem any
---@return string
function account.misuse(problem)
  return (tostring(problem):gsub("^[^\n]-:%d+: ", "", 1):gsub("^options%.", ""))
end

--- The model of a call.
---@param given? string
---@return string? model
---@return novita.Error? err
function account.model(given)
  local settings, err = home.settings()
  if not settings then return nil, err end
  local model = given or home.variable("NOVITA_MODEL") or settings.model
  if model then return model end
  return nil, error_hint.config_error("model",
    "there is none: give -m MODEL, or run: novita config set model MODEL; novita models lists them")
end

return account
