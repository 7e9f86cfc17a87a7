--- `novita batch`: a call for each row of a file, which goes on where it was.

local number = require("novita.cli.parser").number
local prompt = require("novita.cli.prompt")
local rule = require("novita.rule")

-- The function of a part, which is loaded when it is called: other commands start without it.
local function part(module, name)
  return function(arguments) return require("novita.cli.batch_" .. module)[name](arguments) end
end

-- Options ----------------------------------------------------------------------------------------

-- The options of a batch, laid over its description.
local function options(parser)
  parser:argument("batch"):argname("BATCH"):description("The rows (.jsonl, .csv), a description of "
    .. "the batch (.lua, .json), or the store of one that was begun (.db, postgresql://...).")
  parser:option("--output"):argname("FILE"):description("The file of the answers.")
  parser:option("--store"):argname("ADDRESS")
    :description("Where calls and answers are kept; default: the output's name, ending in .db.")
  parser:option("--name"):argname("NAME"):description("The name of the batch in its store.")
  prompt.add_options(parser)
  parser:option("--prompt"):argname("TEXT"):description("What is said, in place of -t.")
  parser:option("--endpoint"):argname("PATH"):description("Such as /embeddings.")
  parser:option("--id"):argname("FIELD"):description("The field that names a row.")
  parser:option("--format"):choices { "jsonl", "csv" }:description("Of the rows.")
  parser:option("--concurrency"):argname("COUNT"):convert(number(rule.integer(1)))
    :description("Calls at once.")
  parser:option("--rpm"):argname("COUNT"):convert(number(rule.integer(1)))
    :description("Calls a minute.")
  parser:option("--tpm"):argname("COUNT"):convert(number(rule.integer(1)))
    :description("Tokens a minute.")
  parser:option("--budget"):argname("USD"):convert(number(rule.number(0)))
    :description("Take no row that could cross this.")
  parser:option("--budget-tokens"):argname("COUNT"):convert(number(rule.integer(0)))
    :description("The same.")
  parser:option("--max-failures"):argname("COUNT"):convert(number(rule.failures))
    :description("Stop after more failures; below 1, a share of the rows.")
  parser:option("--lease"):argname("SECONDS"):convert(number(rule.number(1)))
    :description("On a server: how long a call belongs to a process that has died.")
  parser:flag("--hold"):description("Leave rows whose answer was lost in a crash.")
  parser:flag("--keep-failures"):description("Do not send failed rows again.")
  parser:flag("--no-prompts"):description("Keep no prompt in the store.")
end

local function store_options(parser)
  parser:argument("batch"):argname("STORE"):description("Where the batch is kept, such as out.db.")
  parser:option("--name"):argname("NAME"):description("Which batch of the store.")
end

return {
  name = "batch",
  summary = "Make a call for each row of a file.",
  description = "Make a call for each row of a file, and write the answers into another. Whatever "
    .. "ends a run, the same command goes on, and pays for no answer twice that it has.",
  examples = {
    { "novita batch plan mails.csv --output labels.jsonl -t prompt.txt",
      "says what it would send and cost" },
    { "novita batch run mails.csv --output labels.jsonl -t prompt.txt", "does it" },
    { "novita batch status labels.db", "says how far it is, from another terminal" },
    { "novita batch resume labels.db", "goes on with it" },
  },
  commands = {
    {
      name = "plan",
      summary = "Say what a run would send, and what it would cost at most.",
      examples = {
        { "novita batch plan rows.jsonl -t prompt.txt --json", "says it as JSON" },
      },
      json = "the plan as JSON", options = options, run = part("run", "plan"),
    },
    {
      name = "run",
      summary = "Make the calls that are left, and write the output.",
      description = "Make the calls that are left, and write the output. Ctrl-C lets calls that "
        .. "are sent end and takes no more; again, it stops them. Status 3: rows are left, and the "
        .. "same command goes on.",
      examples = {
        { "novita batch run a.csv --output b.jsonl --prompt 'Sum up: {{row.text}}'",
          "fills the prompt with each row" },
        { "novita batch run requests.jsonl --output out.jsonl --budget 5 --rpm 600",
          "sends the lines of an OpenAI batch, for 5 USD at most" },
        { "novita batch run labels.lua", "runs what a file describes" },
        { "novita batch run postgresql://user@host/database",
          "makes calls of a batch that another machine has begun" },
      },
      json = "the summary as JSON", options = options, run = part("run", "run"),
    },
    {
      name = "resume",
      summary = "Go on with a batch: as run does, by its store alone.",
      examples = { { "novita batch resume out.db", "goes on with what was begun" } },
      json = "the summary as JSON", options = store_options, run = part("run", "resume"),
    },
    {
      name = "submit",
      summary = "Send the rows that are left to the server's Batch API.",
      description = "Send the rows that are left to the server's Batch API, which answers within "
        .. "two days, at a lower price. novita batch fetch brings the answers.",
      examples = { { "novita batch submit rows.jsonl --output out.jsonl -t prompt.txt",
        "sends them as files" } },
      json = "what was sent, as JSON", options = options, run = part("server", "submit"),
    },
    {
      name = "fetch",
      summary = "Bring the answers of the server's Batch API, and write the output.",
      description = "Bring the answers of the server's Batch API, and write the output. Status 3: "
        .. "some are not there yet, and the same command brings them later.",
      examples = {
        { "novita batch fetch out.db", "brings what is there" },
        { "novita batch fetch out.db --wait", "waits for all" },
      },
      json = "what has come, as JSON",
      options = function(parser)
        store_options(parser)
        parser:flag("--wait"):description("Until all are there.")
        parser:option("--interval"):argname("SECONDS"):convert(number(rule.number(0)))
          :description("Between two looks at the server; default: 30.")
      end,
      run = part("server", "fetch"),
    },
    {
      name = "status",
      summary = "Say how far a batch is.",
      examples = { { "novita batch status out.db", "also while it runs" } },
      json = "the status as JSON", options = store_options, run = part("look", "status"),
    },
    {
      name = "export",
      summary = "Write the output from what the store has.",
      examples = { { "novita batch export out.db --output now.jsonl", "also while it runs" } },
      json = "how many lines it has, as JSON",
      options = function(parser)
        store_options(parser)
        parser:option("--output"):argname("FILE"):description("The file, if not that of the run.")
      end,
      run = part("look", "export"),
    },
  },
}
