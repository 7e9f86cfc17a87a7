-- A fresh interpreter, the Lua that runs the specs (NOVITA_LUA), with the same paths.
--
--   local output, status = interpreter.run(code, { NOVITA_API_KEY = "sk_x" })
--   local output, status = interpreter.run_file("examples/hello.lua", environment, "argument")
--
-- Output is stdout and stderr together. Of the environment, a name with `false` is taken away;
-- the settings of novita and proxies are never inherited.

local interpreter = {}

local CLEARED = { "NOVITA_API_KEY", "NOVITA_BASE_URL", "NOVITA_MODEL", "http_proxy", "https_proxy",
  "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" }

--- A word of a shell's command line.
function interpreter.quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

-- What is taken away comes before what is set, as env wants it.
local function words_of(environment)
  local words = { "env" }
  for _, name in ipairs(CLEARED) do words[#words + 1] = "-u " .. name end
  for name, value in pairs(environment or {}) do
    if value then
      words[#words + 1] = interpreter.quote(name .. "=" .. value)
    else
      table.insert(words, 2, "-u " .. name)
    end
  end
  words[#words + 1] = os.getenv("NOVITA_LUA") or "lua5.4"
  return words
end

-- Lua 5.1's popen can't tell the status, so the shell does, on a line of its own.
local function execute(words)
  local command = table.concat(words, " ") .. " 2>&1 </dev/null; printf '\\n%d\\n' $?"
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  local output, status = text:match("^(.*)\n(%d+)\n$")
  return output, tonumber(status)
end

--- Runs a chunk of Lua.
---@param code string
---@param environment? table<string, string|false>
---@return string output, integer status
function interpreter.run(code, environment)
  local words = words_of(environment)
  words[#words + 1] = "-e " .. interpreter.quote(code)
  return execute(words)
end

--- Runs a file.
---@param path string
---@param environment? table<string, string|false>
---@return string output, integer status
function interpreter.run_file(path, environment, ...)
  local words = words_of(environment)
  words[#words + 1] = interpreter.quote(path)
  for _, word in ipairs { ... } do words[#words + 1] = interpreter.quote(word) end
  return execute(words)
end

return interpreter
