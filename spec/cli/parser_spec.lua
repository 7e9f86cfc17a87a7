-- The command line: its help, its options, and what is wrong with it.

local command = require("spec.support.command")

describe("novita", function()
  local home

  before_each(function() home = command.home() end)
  after_each(function() home:remove() end)

  it("ends with 2 where the command line is wrong, and says how it should be", function()
    for words, said in pairs {
      [""] = "Usage: novita [-h] [--version] <command> ...\n\nnovita: a command is required",
      ["cat"] = "unknown command 'cat'", ["config --jason"] = "Did you mean '--json'?",
      ["keys"] = "a command is required\nnovita keys --help has more\n",
      ["batch plan a.csv --budget x"] = 'novita: --budget: expected a number, got "x"\n',
      ["logs -n x"] = 'novita: --count: expected a number of exchanges, got "x"\n',
      ["config set colour red"] = "must be one of 'model', 'base_url', 'logs'",
    } do
      local run = home:run(words)
      assert.are.same({ 2, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find(said, 1, true), run.err)
    end
  end)

  it("refuses two forms of output at once, and to plan what it queues", function()
    for words, said in pairs {
      ["runs show a --html --json"] = "option '--json' can not be used together with option "
        .. "'--html'",
      ["chat -x --json Hi"] = "option '--json' can not be used together with option '-x'",
      ["run flow.lua --queue --dry-run"] = "option '--dry-run' can not be used together with "
        .. "option '--queue'",
    } do
      local run = home:run(words)
      assert.are.same({ 2, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find("\nnovita: " .. said .. "\n", 1, true), run.err)
    end
  end)

  it("has its help also by the word help, and its version by the word version", function()
    for words, same in pairs {
      ["help"] = "--help", ["help batch"] = "batch --help", ["batch help"] = "batch --help",
      ["help batch run"] = "batch run --help", ["batch help run"] = "batch run --help",
      ["version"] = "--version",
    } do
      assert.are.same(home:run(same), home:run(words))
    end
    assert.is_truthy(home:run("help modles").err:find("Did you mean 'models'?", 1, true))
  end)

  it("names the option and the number that is wrong for it", function()
    local function check(named, options)
      for words, said in pairs(options) do
        local run = home:run(named .. " " .. words)
        assert.are.same({ 2, "" }, { run.status, run.out })
        assert.is_truthy(run.err:find("novita: " .. said .. "\n", 1, true), run.err)
      end
    end
    check("batch run a.csv", {
      ["--budget -1"] = '--budget: expected a number >= 0, got "-1"',
      ["--budget=-.5"] = '--budget: expected a number >= 0, got "-.5"',
      ["--budget-tokens 1.5"] = '--budget-tokens: expected an integer >= 0, got "1.5"',
      ["--concurrency 0"] = '--concurrency: expected an integer >= 1, got "0"',
      ["--rpm -3"] = '--rpm: expected an integer >= 1, got "-3"',
      ["--tpm 0.5"] = '--tpm: expected an integer >= 1, got "0.5"',
      ["--max-failures 1.5"] = "--max-failures: expected a count of rows, or a share below 1, got "
        .. '"1.5"',
      ["--lease 0"] = '--lease: expected a number >= 1, got "0"',
      ["--lease ''"] = '--lease: expected a number, got ""',
    })
    check("batch fetch a.db", {
      ["--interval -1"] = '--interval: expected a number >= 0, got "-1"',
    })
    check("logs", {
      ["-n 1e300"] = '--count: expected a number of exchanges, got "1e300"',
      ["-n -2"] = '--count: expected a number of exchanges, got "-2"',
    })
    check("runs list", { ["-n 0"] = '--count: expected an integer >= 1, got "0"' })
  end)
end)
