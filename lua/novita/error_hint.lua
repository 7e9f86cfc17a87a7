--- Errors made in Lua in several places, and hints that complete the messages of other errors.

local core = require("novita.core")

local error_hint = {}

--- Makes the error for an invalid field, option or argument.
---@param name string
---@param problem string
---@return novita.Error
function error_hint.config_error(name, problem)
  return core.error { kind = "config", param = name, message = name .. ": " .. problem }
end

local function deadline_message(seconds)
  return ("the deadline of %.14g s has passed"):format(seconds)
end

--- Makes the error for a deadline that has passed.
---@param seconds number as the caller gave it
---@return novita.Error
function error_hint.deadline_error(seconds)
  return core.error {
    kind = "timeout", reason = "deadline", message = deadline_message(seconds),
  }
end

--- Puts the caller's deadline into the error of a transfer, which knows only the time that was left
--- when its attempt began.
---@param err novita.Error
---@param seconds? number
---@return boolean done false for other errors
function error_hint.restate_deadline(err, seconds)
  if not seconds or err.kind ~= "timeout" or err.reason ~= "deadline" then return false end
  err.message = deadline_message(seconds)
  return true
end

-- An nginx worker has only those environment variables that nginx.conf lists.
local function is_hidden_key(err, wire)
  return rawget(_G, "ngx") and err.kind == "config" and err.param == "api_key"
    and not wire.api_key and not os.getenv("NOVITA_API_KEY")
end

--- Completes the message of an attempt's error: the caller's deadline, the URL of a 404 (base_url
--- can hold neither query nor password), and in nginx the directive that passes the key on.
---@param err novita.Error
---@param settings novita.Settings
---@param wire table the options that the C module had
---@param path string of the request
function error_hint.complete(err, settings, wire, path)
  if error_hint.restate_deadline(err, settings.wire.deadline) then return end
  if err.status == 404 then
    err.message = ("%s (at %s)"):format(err.message, core.url(path:gsub("%?.*", ""), wire))
  elseif is_hidden_key(err, wire) then
    err.message = "api_key: is missing: pass it, or add `env NOVITA_API_KEY;` to nginx.conf, since "
      .. "nginx removes all other variables from the environment of its workers"
  end
end

return error_hint
