--- `novita keys`: keeps the key of the user.

local console = require("novita.cli.console")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local home = require("novita.cli.home")

-- The key as it was typed, without echo, or piped; nil and an error.
local function read_key()
  local text, problem
  if console.is_terminal(io.stdin) then
    text, problem = core.read_line("Key (it is not shown): ", true)
  else
    text = io.read("*a")
  end
  if problem == "interrupted" then
    return nil, core.error { kind = "cancelled", message = "interrupted" }
  end
  if problem then return nil, error_hint.config_error("terminal", problem) end
  local key = (text or ""):match("^%s*(%S+)%s*$")
  if key and not key:find("[^\33-\126]") then return key end
  return nil, error_hint.config_error("key", "expected one word")
end

local function set(arguments)
  if arguments.word[1] then
    return nil, error_hint.config_error("key", "is read from the terminal or standard input, never "
      .. "from the command line, which every process can read; revoke one that stood there")
  end
  local key, err = read_key()
  if not key then return nil, err end
  local ok
  ok, err = home.set_key(key)
  if not ok then return nil, err end
  local path = home.key_path()
  if arguments.json then console.write_json { path = path } end
  if not arguments.json then console.note("The key is in " .. path) end
  return 0
end

local function print_path(arguments)
  local path, err = home.key_path()
  if not path then return nil, err end
  if arguments.json then console.write_json { path = path } else console.write(path .. "\n") end
  return 0
end

return {
  name = "keys",
  summary = "Keep the key.",
  description = "Keep the key of the API in a file that only you can read. NOVITA_API_KEY in the "
    .. "environment takes its place. Keys are made at https://novita.ai/settings/key-management.",
  examples = {
    { "novita keys set", "asks for the key, and shows nothing of it" },
    { "pass show novita | novita keys set", "takes it from a program" },
  },
  commands = {
    {
      name = "set",
      summary = "Read a key, from the terminal without echo or from a pipe, and keep it.",
      examples = { { "novita keys set", "asks for the key" } },
      json = "where the key is, as JSON",
      options = function(parser) parser:argument("word"):args("*"):hidden(true) end,
      run = set,
    },
    {
      name = "path",
      summary = "Print where the key is kept.",
      examples = { { "ls -l $(novita keys path)", "shows that it is for you alone" } },
      json = "it as JSON",
      run = print_path,
    },
  },
}
