--- Builds the request of `novita chat` from its words, files and options.

local attachment = require("novita.cli.attachment")
local console = require("novita.cli.console")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local files = require("novita.cli.files")
local json_text = require("novita.json_text")
local shorthand = require("novita.cli.shorthand")
local template = require("novita.template")

local prompt = {}

local function refuse(name, problem)
  return nil, error_hint.config_error(name, problem)
end

--- Reads what options say: "name=value" pairs.
---@param option string its name
---@param list string[]
---@param convert? fun(text: string): any, string? of a value; nil and what is wrong with it
---@return table<string, any>? values
---@return novita.Error? err
function prompt.pairs(option, list, convert)
  local values = {}
  for _, pair in ipairs(list) do
    local name, value = pair:match("^([^=]+)=(.*)$")
    if not name then return refuse(option, ('expected NAME=VALUE, got "%s"'):format(pair)) end
    local problem
    if convert then value, problem = convert(value) end
    if problem then return refuse(option, ("%s %s"):format(name, problem)) end
    values[name] = value
  end
  return values
end

-- The value of a field of the request: what is JSON but no string, else the text itself.
local function field_value(text)
  local value = core.decode(text)
  if value == nil or type(value) == "string" then return text end
  return json_text.decode(text)
end

-- Standard input, if it was promised or can't be a person who was not asked. A terminal is read
-- only for "-".
local function read_input(promised)
  if console.is_terminal(io.stdin) and not promised then return "" end
  return ((io.read("*a") or ""):gsub("%s+$", ""))
end

local function join(...)
  local parts = {}
  for _, part in ipairs { ... } do
    if part ~= "" then parts[#parts + 1] = part end
  end
  return table.concat(parts, "\n\n")
end

-- The words of the command line, and what was piped in behind them.
local function read_text(arguments)
  local words, promised = {}, false
  for _, word in ipairs(arguments.text) do
    if word == "-" then promised = true else words[#words + 1] = word end
  end
  return join(table.concat(words, " "), arguments.interactive and "" or read_input(promised))
end

local function has_name(list, name)
  for _, item in ipairs(list) do
    if item == name then return true end
  end
  return false
end

-- The template of -t, filled in; the text is its variable "input", or follows it.
local function fill(arguments, text)
  if not arguments.template then
    if arguments.variable[1] then return refuse("-p", "is for a template: -t FILE") end
    return text
  end
  local values, err = prompt.pairs("-p", arguments.variable)
  if not values then return nil, err end
  local source
  source, err = files.read(arguments.template)
  if not source then return nil, err end
  local compiled, problem = template.compile(source)
  local rendered
  if compiled then
    values.input = values.input or text
    rendered, problem = compiled:render(values)
  end
  if not rendered then return refuse(arguments.template, problem.message) end
  rendered = rendered:gsub("%s+$", "")
  return has_name(compiled:variables(), "input") and rendered or join(rendered, text)
end

-- The text with what is attached: a text if all of it is text, else a list of parts.
local function attach(paths, text)
  local pictures = {}
  for _, path in ipairs(paths) do
    local part, err = attachment.part(path)
    if not part then return nil, err end
    if type(part) == "string" then text = join(text, part) else pictures[#pictures + 1] = part end
  end
  if not pictures[1] then return text end
  if text ~= "" then table.insert(pictures, 1, text) end
  return pictures
end

-- The schema of --schema: a file, or fields in one line.
local function read_schema(given)
  local file = io.open(given, "rb")
  if file then file:close() end
  if not file and files.ending(given) ~= "json" then return shorthand.read(given) end
  local text, err = files.read(given)
  if not text then return nil, err end
  local schema, problem = json_text.decode(text)
  if type(schema) == "table" then return schema end
  return refuse("schema", ("%s: %s"):format(given, problem or "no object"))
end

--- Returns the message: the text, with the template and the attachments.
---@param arguments table of `novita chat`
---@return string|table[]|nil message "" where there is none
---@return novita.Error? err
function prompt.message(arguments)
  local text, err = fill(arguments, read_text(arguments))
  if not text then return nil, err end
  return attach(arguments.attachment, text)
end

--- The fields of a request that options give: -o, -s and --schema.
---@param arguments table
---@return table? fields
---@return novita.Error? err
function prompt.fields(arguments)
  local fields, err = prompt.pairs("-o", arguments.option, field_value)
  if not fields then return nil, err end
  fields.system_prompt = arguments.system
  if arguments.schema then
    local schema
    schema, err = read_schema(arguments.schema)
    if not schema then return nil, err end
    fields.response_format = { schema = schema, name = "answer" }
  end
  return fields
end

--- Adds the options that prompt.fields, and a template, are read from.
---@param parser table of argparse
function prompt.add_options(parser)
  parser:option("-m --model"):argname("MODEL"):description("The model.")
  parser:option("-s --system"):argname("TEXT"):description("The system prompt.")
  parser:option("-t --template"):argname("FILE"):description("A template of what is said.")
  parser:option("-p --param"):target("variable"):argname("NAME=VALUE"):count("*")
    :description("A variable of the template."):init {}
  parser:option("-o --option"):argname("NAME=VALUE"):count("*")
    :description("A field of the request, such as temperature=0.2."):init {}
  parser:option("--schema"):argname("FILE|FIELDS")
    :description("A JSON schema of the answer, or its fields: 'name, age int'.")
end

return prompt
