--- Reads the files that a command line names.

local compat = require("novita.compat")
local error_hint = require("novita.error_hint")
local json_text = require("novita.json_text")

local files = {}

--- Reads a file whole; "-" is standard input.
---@param path string
---@return string? text
---@return novita.Error? err kind config
function files.read(path)
  if path == "-" then return io.read("*a") or "" end
  local file, problem = io.open(path, "rb")
  if not file then return nil, error_hint.config_error("file", problem) end
  local text
  text, problem = file:read("*a") -- a directory can be opened, but not read
  file:close()
  if not text then return nil, error_hint.config_error("file", path .. ": " .. problem) end
  return text
end

-- The source without what loadfile skips: a byte order mark, and a first line that begins with #,
-- such as that for a shell. The lines after it keep their numbers.
local function without_head(source)
  return (source:gsub("^\239\187\191", "", 1):gsub("^#[^\n]*", "", 1))
end

--- Calls a function, which calls those of a file. What these raise is no error of the command; its
--- own, of an output that is closed, and Ctrl-C go on.
---@param fn fun(): any, any
---@return boolean ok
---@return any result or, as text, what was raised
---@return any err
function files.call(fn)
  local ok, result, err = compat.pcall(fn)
  if ok then return true, result, err end
  local is_ours = type(result) == "table" and rawget(result, "output")
  if is_ours or type(result) == "string" and result:find("interrupted!", 1, true) then
    error(result, 0)
  end
  return false, (require("novita.batch.outcome").text(result):gsub("%z", "?"))
end

local function load_lua(path, source)
  source = without_head(source)
  local chunk, problem = (loadstring or load)(source, "@" .. path) -- luacheck: ignore
  if not chunk then return nil, problem end
  local ok, value = files.call(chunk)
  if not ok then return nil, value end
  return value
end

local function load_json(_, source) return json_text.decode(source) end

--- The ending of a file's name, in small letters.
---@param path string
---@return string? ending such as "lua"
function files.ending(path)
  local ending = path:match("%.(%a+)$")
  return ending and ending:lower()
end

--- Reads the value that a file describes: what a Lua file returns, or JSON.
---@param path string JSON where it ends in .json, else Lua
---@return any value
---@return novita.Error? err kind config
function files.load(path)
  local source, err = files.read(path)
  if not source then return nil, err end
  local value, problem = (files.ending(path) == "json" and load_json or load_lua)(path, source)
  if problem then return nil, error_hint.config_error(path, problem) end
  return value
end

return files
