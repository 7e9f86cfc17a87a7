--- `novita config`: the settings of the user.

local console = require("novita.cli.console")
local error_hint = require("novita.error_hint")
local home = require("novita.cli.home")

local NAMES = { "model", "base_url", "logs" }
local LOCAL = { localhost = true, ["127.0.0.1"] = true, ["[::1]"] = true }

-- Returns what is wrong with a value, or nil.
local function problem_of(name, value)
  if name == "logs" and value ~= "on" and value ~= "off" then return 'expected "on" or "off"' end
  if name ~= "base_url" or value:find("^https://") then return nil end
  local host = value:match("^http://(%[?[%w.:]*%]?)") or ""
  if LOCAL[host:gsub(":%d*$", "")] then return nil end -- the key stays on this machine
  return "expected https://..., or http:// with a host of this machine"
end

local function show(arguments)
  local settings, err = home.settings()
  if not settings then return nil, err end
  if arguments.json then
    console.write_json(settings)
    return 0
  end
  for _, name in ipairs(NAMES) do
    if settings[name] then console.write(("%s\t%s\n"):format(name, settings[name])) end
  end
  return 0
end

local function set(arguments)
  local settings, err = home.settings()
  if not settings then return nil, err end
  local name, value = arguments.name, arguments.value
  local problem = value and problem_of(name, value)
  if problem then return nil, error_hint.config_error(name, problem) end
  settings[name] = value
  local ok
  ok, err = home.save(settings)
  if not ok then return nil, err end
  if arguments.json then console.write_json(settings) end
  return 0
end

return {
  name = "config",
  summary = "Show or change settings.",
  description = "Show the settings. `model` is used where no -m and no NOVITA_MODEL says another; "
    .. "`base_url` names a server other than Novita's, as NOVITA_BASE_URL does; `logs` is `off` "
    .. "where no conversation is to be kept.",
  examples = {
    { "novita config", "shows the settings" },
    { "novita config set model deepseek/deepseek-v3-0324", "chooses a model for every command" },
  },
  json = "them as JSON",
  run = show,
  commands = {
    {
      name = "set",
      summary = "Change a setting, or forget it where no value is given.",
      examples = {
        { "novita config set model deepseek/deepseek-v3-0324", "chooses a model" },
        { "novita config set logs off", "keeps no conversations from now on" },
        { "novita config set model", "forgets the model" },
      },
      json = "all settings as JSON",
      options = function(parser)
        parser:argument("name"):description("The setting."):choices(NAMES)
        parser:argument("value"):description("Its new value."):args("?")
      end,
      run = set,
    },
  },
}
