--- The files of the user: the key, the settings, the store of conversations. They are in the
--- folders of the XDG base directory specification, readable by their owner only, and used by the
--- command alone.

local core = require("novita.core")
local error_hint = require("novita.error_hint")

local home = {}

local FOLDERS = {
  config = { "XDG_CONFIG_HOME", "/.config" },
  data = { "XDG_DATA_HOME", "/.local/share" },
}

--- A variable of the environment.
---@param name string
---@return string? value nil if it is empty
function home.variable(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

--- The folder that the command runs in.
---@return string
function home.folder()
  return home.variable("PWD") or "."
end

-- The path of a file; nil and an error without a home. A relative XDG path is invalid.
local function path_of(kind, name)
  local variable, below = FOLDERS[kind][1], FOLDERS[kind][2]
  local folder = home.variable(variable) or ""
  if folder:sub(1, 1) ~= "/" then
    local own = home.variable("HOME")
    if not own then
      return nil, error_hint.config_error("HOME", "is not set, nor " .. variable)
    end
    folder = own .. below
  end
  return ("%s/novita/%s"):format(folder, name)
end

-- The text of a file, nil where there is none; or nil and an error.
local function read(path)
  local file, problem, code = io.open(path, "rb")
  if not file and code == 2 then return nil end -- ENOENT
  local text
  if file then
    text, problem = file:read("*a")
    file:close()
  end
  if not text then return nil, error_hint.config_error(path, problem) end
  return text
end

-- Makes the folder that a file stands in.
local function make_folder(path)
  local folder = path:match("^(.*)/")
  local ok, problem = core.mkdir(folder)
  if not ok then return nil, error_hint.config_error(folder, problem) end
  return true
end

local function write(path, text)
  local ok, err = make_folder(path)
  if not ok then return nil, err end
  local writer, problem = core.writer(path, true)
  if writer then ok, problem = writer:write(text) end
  if writer and ok then ok, problem = writer:finish() end
  if not (writer and ok) then return nil, error_hint.config_error(path, problem) end
  return true
end

--- The path of the key.
---@return string? path
---@return novita.Error? err
function home.key_path()
  return path_of("config", "key")
end

--- Reads the key that `novita keys set` has kept.
---@return string? key nil where there is none, or no home
---@return novita.Error? err
function home.key()
  local path = home.key_path()
  if not path then return nil end
  local text, err = read(path)
  return text and text:match("^%s*(%S+)%s*$"), err
end

--- Keeps the key.
---@param key string
---@return boolean? ok
---@return novita.Error? err
function home.set_key(key)
  local path, err = home.key_path()
  if not path then return nil, err end
  return write(path, key .. "\n")
end

--- Reads the settings.
---@return table<string, string>? settings empty where there are none, or no home
---@return novita.Error? err
function home.settings()
  local path = path_of("config", "config.json")
  if not path then return {} end
  local text, err = read(path)
  if not text then return not err and {} or nil, err end
  local value, problem = core.decode(text)
  if type(value) ~= "table" then
    return nil, error_hint.config_error(path, problem and problem.message or "is no object")
  end
  return value
end

--- Keeps the settings.
---@param settings table<string, string>
---@return boolean? ok
---@return novita.Error? err
function home.save(settings)
  local path, err = path_of("config", "config.json")
  if not path then return nil, err end
  return write(path, core.encode(settings) .. "\n")
end

--- The path of a store, in a folder that is there.
---@param name? "conversations.db"|"runs.db" default: that of conversations
---@return string? path
---@return novita.Error? err
function home.store_path(name)
  local path, err = path_of("data", name or "conversations.db")
  if not path then return nil, err end
  local ok
  ok, err = make_folder(path)
  return ok and path, err
end

return home
