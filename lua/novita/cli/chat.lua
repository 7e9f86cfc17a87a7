--- `novita chat`: asks a model, and prints the answer while it comes.

local account = require("novita.cli.account")
local answer = require("novita.cli.answer")
local console = require("novita.cli.console")
local core = require("novita.core")
local error_hint = require("novita.error_hint")
local history = require("novita.cli.history")
local interrupt = require("novita.cli.interrupt")
local prices = require("novita.batch.prices")
local prompt = require("novita.cli.prompt")
local tables = require("novita.tables")

-- Is the answer printed as it comes? What is made of a whole one can't be.
local function streams(arguments)
  return not (arguments.no_stream or arguments.extract or arguments.json or arguments.schema)
end

-- Prints a whole answer. Returns the exit status, or nil and an error.
local function print_whole(arguments, reply)
  local text = reply:text()
  if arguments.json then
    console.write_json(reply)
    return 0
  end
  if arguments.extract then
    local block = text and answer.code_block(text)
    if not block then return nil, "the answer has no block of code" end
    text = block
  end
  if not text or text == "" then return nil, "the answer has no text" end
  if not streams(arguments) then
    local writer = answer.writer()
    writer.add(text)
    writer.finish()
  end
  return 0
end

-- Returns the cost of a call in USD, or nil if the server names no price.
local function cost_of(chat, usage)
  for _, model in ipairs(chat.client:models { retry = "none" } or {}) do
    local price = model.id == chat.fields.model and prices.read(model)
    if price then return prices.cost(price, usage) end
  end
end

-- Sends a message and prints the answer. Returns the exit status, or nil and an error.
local function say(arguments, chat, message)
  local writer = answer.writer()
  local options = { on_text = streams(arguments) and writer.add or nil,
    parse = arguments.schema and true or nil }
  local reply, info = interrupt.guard(function() return chat.talk:send(message, options) end)
  writer.finish()
  chat.history:add(chat.fields, message, reply or info.partial, not reply)
  if not reply then return nil, info end
  local status, err = print_whole(arguments, reply)
  if arguments.usage then
    console.note(answer.usage(reply.usage, cost_of(chat, reply.usage)))
  end
  if reply.choices[1] and reply.choices[1].finish_reason == "length" then
    console.note("novita: the answer was cut at max_tokens")
  end
  return status, err
end

-- Asks and answers until the person has enough: Ctrl-D, or Ctrl-C at the prompt.
local function interact(arguments, chat, message)
  while true do
    if message ~= "" then
      local status, err = say(arguments, chat, message)
      if not status then console.complain(err) end
    end
    local line, problem = core.read_line(console.paint(io.stderr, "bold", "> "))
    if problem == "interrupted" then return 130 end
    if problem then return nil, error_hint.config_error("terminal", problem) end
    if not line then return 0 end
    message = line
  end
end

-- The fields of the requests; those of the conversation that goes on where no option says another.
local function fields_of(arguments, earlier)
  local fields, err = prompt.fields(arguments)
  if not fields then return nil, err end
  fields.system_prompt = fields.system_prompt or earlier.system_prompt
  fields.model, err = account.model(arguments.model or earlier.model)
  return fields.model and fields, err
end

-- The parts of a chat: its conversation so far, the fields of its requests, its client.
local function open(arguments)
  local kept, err = history.open(arguments)
  if not kept then return nil, err end
  local chat = { history = kept }
  chat.fields, err = fields_of(arguments, kept.earlier or {})
  if not chat.fields then return nil, err end
  chat.client, err = account.client { keep_partial = true }
  if not chat.client then return nil, err end
  chat.talk = chat.client:conversation(tables.merged(chat.fields, { messages = kept.messages }))
  return chat
end

local function run(arguments)
  local message, err = prompt.message(arguments)
  if not message then return nil, err end
  if message == "" and not arguments.interactive then
    return nil, error_hint.config_error("text",
      "there is none: give it as words, on standard input, or with -i")
  end
  local chat
  chat, err = open(arguments)
  if not chat then return nil, err end
  if arguments.interactive then return interact(arguments, chat, message) end
  return say(arguments, chat, message)
end

local function options(parser)
  parser:argument("text"):args("*"):argname("TEXT")
    :description("What is said; - is standard input, which is also read where it is a pipe.")
  prompt.add_options(parser)
  parser:option("-a --attach"):target("attachment"):argname("FILE|URL"):count("*")
    :description("A picture, or a text that is put into what is said."):init {}
  parser:flag("-c --continue"):description("Go on with the last conversation.")
  parser:option("--conversation"):argname("ID"):description("Go on with this one.")
  parser:flag("-n --no-log"):description("Keep nothing of this conversation.")
  parser:flag("-x --extract"):description("Print the first block of code alone.")
  parser:flag("-u --usage"):description("Say what the answer used and cost.")
  parser:flag("--no-stream"):description("Print the answer when it is whole.")
  parser:flag("-i --interactive"):description("Ask again, until Ctrl-D.")
end

return {
  name = "chat",
  summary = "Ask a model.",
  description = "Ask a model, and print the answer while it comes. What is piped in follows the "
    .. "words. Ctrl-C stops the answer; what had arrived stays, and is kept.",
  examples = {
    { "novita chat 'What is the capital of France?'", "asks" },
    { "git diff --staged | novita chat 'Write a commit message'", "asks about what is piped in" },
    { "novita chat -c 'Make it shorter'", "goes on with that conversation" },
    { "novita chat -x 'A shell loop over all pictures' | sh -n", "has the code alone" },
    { "novita chat -a photo.jpg --schema 'what, count int' 'What is this?'", "answers in JSON" },
    { "novita chat -t review.txt -p language=Lua <main.lua", "fills a template" },
    { "novita chat -i -s 'Answer in one line.'", "talks" },
  },
  json = "the whole answer as JSON", forms = { "--extract" },
  options = options,
  run = run,
}
