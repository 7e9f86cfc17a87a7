-- Batches at the command line.
-- Covers: lua/novita/cli/batch_look.lua lua/novita/cli/batch_open.lua
-- Covers: lua/novita/cli/batch_report.lua lua/novita/cli/batch_run.lua
-- Covers: lua/novita/cli/batch_server.lua lua/novita/cli/description.lua

local core = require("novita.core")

local command = require("spec.support.command")
local files = require("spec.support.files")
local native = require("spec.support.native")
local simulator = require("spec.support.simulator_client")

local RUN = "batch run rows.jsonl --output out.jsonl --prompt 'Sum up: {{row.text}}'"

describe("novita batch", function()
  local sim = simulator.shared()
  local home, variables

  local function rows(count)
    local lines = {}
    for index = 1, count do
      lines[index] = ('{"id":"t%d","text":"row %d"}\n'):format(index, index)
    end
    files.write(home.path .. "/rows.jsonl", table.concat(lines))
  end

  before_each(function()
    home = command.home()
    variables = command.variables(sim)
    sim:reset()
    rows(3)
  end)
  after_each(function() home:remove() end)

  local function novita(words, input) return home:run(words, variables, input) end

  local function output(name)
    local list = {}
    for line in files.read(home.path .. "/" .. (name or "out.jsonl")):gmatch("[^\n]+") do
      list[#list + 1] = core.decode(line)
    end
    return list
  end

  local function answers()
    local list = {}
    for index, line in ipairs(output()) do
      list[index] = line.response and line.response.body.choices[1].message.content
        or line.error.code
    end
    return list
  end

  local function calls()
    local list = {}
    for _, entry in ipairs(sim:journal()) do
      if entry.method == "POST" then list[#list + 1] = core.decode(entry.body) end
    end
    return list
  end

  it("makes a call for each row, once", function()
    local run = novita(RUN)
    assert.are.same({ 0, "" }, { run.status, run.out })
    assert.are.equal("3/3 rows done, 0 failed, 3 sent, 24 tokens, 0.000009 USD\n", run.err)
    assert.are.same({ "Sum up: row 1", "Sum up: row 2", "Sum up: row 3" }, answers())
    run = novita(RUN .. " --json")
    assert.are.same({ 3, 0, true }, { core.decode(run.out).done, core.decode(run.out).sent,
      core.decode(run.out).complete })
    assert.are.equal(3, #calls())
    assert.are.equal("", table.concat({ io.popen("grep -rl sk_spec " .. home.path):read("*a") }))
  end)

  it("plans what it would send and cost", function()
    local run = novita((RUN:gsub("run", "plan", 1)))
    assert.are.same({ 0, "" }, { run.status, run.err })
    assert.is_truthy(run.out:find("^rows\t3\nunique\t3\nproblems\t0\npaid\t0\nfailed\t0\n"
      .. "in_doubt\t0\nto_send\t3\nprompt_tokens\t%d+\ncompletion_tokens\t3072\nusd\t0.00%d+\n$"),
      run.out)
    variables.NOVITA_API_KEY = ""
    assert.are.equal(3, core.decode(novita((RUN:gsub("run", "plan", 1)) .. " --json").out).to_send)
    assert.are.same({}, calls())
  end)

  it("takes a description, in Lua or JSON, and options over it", function()
    files.write(home.path .. "/b.json", '{"input":"rows.jsonl","output":"out.jsonl",'
      .. '"request":{"model":"simulator/request","message":"{{row.text}}","temperature":1}}')
    assert.are.equal(0, novita("batch run b.json -o temperature=0 -s Brief -o top_p=0.5").status)
    local body = calls()[1]
    assert.are.same({ "simulator/request", 0, 0.5, "Brief", "row 1" }, { body.model,
      body.temperature, body.top_p, body.messages[1].content, body.messages[2].content })
    files.write(home.path .. "/b.lua", 'return { input = "rows.jsonl", output = "lua.jsonl", '
      .. 'request = { message = "{{row.text}}" }, check = function(_, id) return id ~= "t2" end }')
    local run = novita("batch run b.lua --concurrency 1")
    assert.are.same({ 1, "failed" }, { run.status, run.err:match("1 row (failed)") })
    assert.is_truthy(output("lua.jsonl")[2].error)
  end)

  it("fills a template, from CSV", function()
    files.write(home.path .. "/t.csv", 'id,text\na,"x, y"\nb,z\n')
    files.write(home.path .. "/p.txt", "{{verb}} {{row.text}}")
    assert.are.equal(0, novita("batch run t.csv --output out.jsonl -t p.txt -p verb=Read").status)
    assert.are.same({ "Read x, y", "Read z" }, answers())
  end)

  it("calls another endpoint, and takes the lines of a batch", function()
    files.write(home.path .. "/e.csv", "id,text\na,one\n")
    assert.are.equal(0, novita("batch run e.csv --output e.jsonl --endpoint /embeddings "
      .. "-m baai/bge-m3 -o 'input={{row.text}}'").status)
    assert.are.equal("a", output("e.jsonl")[1].custom_id)
    files.write(home.path .. "/l.jsonl", '{"custom_id":"l1","body":{"model":"simulator/echo",'
      .. '"messages":[{"role":"user","content":"{{x}}"}]}}\n')
    variables.NOVITA_MODEL = ""
    assert.are.equal(0, novita("batch run l.jsonl --output out.jsonl").status)
    assert.are.same({ "{{x}}" }, answers())
  end)

  it("goes on by its store alone, which says how far it is", function()
    sim:script { { match = "/chat/completions", status = 400 } }
    local run = novita(RUN .. " --concurrency 1")
    assert.are.equal(1, run.status)
    assert.is_truthy(run.err:find("novita: line 1: bad_request 400: [^\n]+\n"
      .. "novita: 1 row failed; the same command goes on"), run.err)
    local status = core.decode(novita("batch status out.db --json").out)
    assert.are.same({ 3, 2, 1 }, { status.total, status.done, status.failed })
    run = novita("batch status out.db")
    assert.is_truthy(run.out:find("^name\trows.jsonl\ntotal\t3\ndone\t2"), run.out)
    assert.is_truthy(run.err:find("^novita: line 1: bad_request 400: [^\n]+\n$"), run.err)
    assert.are.equal(0, novita("batch resume out.db").status)
    assert.are.equal("Sum up: row 1", answers()[1])
    assert.are.same({ status = 0, out = '{"lines":3}\n', err = "3 lines in o.jsonl\n" },
      novita("batch export out.db --output o.jsonl --json"))
    assert.are.equal(3, #output("o.jsonl"))
  end)

  it("says where the answers are, if it has no output", function()
    local run = novita((RUN:gsub("%-%-output out.jsonl ", "")))
    assert.are.same({ 0, "no --output: the answers are in the store, and novita batch export "
      .. "writes them" }, { run.status, run.err:match("\n([^\n]+)\n$") })
    assert.are.equal("3 lines in o.jsonl\n", novita("batch export rows.db --output o.jsonl").err)
  end)

  it("leaves its rows and its store as they are", function()
    novita(RUN)
    for _, name in ipairs { "rows.jsonl", "out.db" } do
      local before = files.read(home.path .. "/" .. name)
      local run = novita("batch export out.db --output " .. name)
      assert.are.same({ 2, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find('output: "' .. name .. '": is the ', 1, true), run.err)
      assert.are.equal(before, files.read(home.path .. "/" .. name))
    end
    assert.are.equal(2, novita("batch run rows.jsonl --store rows.jsonl --prompt x").status)
  end)

  it("is resumed and fetched by its store, not by its rows", function()
    for _, action in ipairs { "resume", "fetch" } do
      local run = novita("batch " .. action .. " rows.jsonl")
      assert.are.same({ 2, "novita: config: STORE: rows.jsonl is the address of none: name the "
        .. "database of the batch, such as out.db\n" }, { run.status, run.err })
    end
  end)

  it("says which batches a store has, and where one was begun", function()
    novita(RUN .. " --name one")
    novita(RUN .. " --name two")
    local run = novita("batch status out.db")
    assert.are.same({ 2, "novita: config: name: the batches of the store are one, two: choose one "
      .. "by --name\n" }, { run.status, run.err })
    assert.are.equal(0, novita("batch status out.db --name two").status)
    local other = command.home()
    run = other:run("batch resume " .. home.path .. "/out.db --name one", variables)
    other:remove()
    assert.are.equal(2, run.status)
    assert.is_truthy(run.err:find("it was begun in ", 1, true), run.err)
    run = novita("batch status none.db")
    assert.are.same({ 2, "novita: config: store: none.db: No such file or directory\n" },
      { run.status, run.err })
  end)

  it("ends with 3 where a budget or the key stops it, and goes on", function()
    local run = novita(RUN .. " --budget-tokens 5")
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("novita: 3 rows left (the budget does not suffice for the "
      .. "next row): with a larger one the same command goes on with them", 1, true), run.err)
    assert.are.same({ "not_run", "not_run", "not_run" }, answers())
    variables.NOVITA_API_KEY = "sk_wrong"
    run = novita(RUN)
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("rows left (authentication", 1, true), run.err)
    run = novita(RUN .. " --json")
    assert.are.equal(3, run.status)
    assert.are.equal("authentication", core.decode(run.out).err.kind)
    assert.is_nil(run.out:find("sk_wrong", 1, true))
    assert.is_truthy(run.out:find('"paid_twice":[]', 1, true), run.out)
    variables.NOVITA_API_KEY = "sk_spec"
    assert.are.equal(0, novita(RUN).status)
  end)

  it("ends with 3 where another process runs it, and names that", function()
    sim:script { { match = "/chat/completions", uses = 3, delay = 30 } }
    local terminal = home:terminal(RUN, variables)
    assert(sim:wait_for(function(entries)
      return entries[1] and entries[#entries].method == "POST"
    end))
    local run = novita(RUN)
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("locked by process " .. terminal.pid .. "\nnovita: the same "
      .. "command goes on with the store once that process ends\n", 1, true), run.err)
    assert.are.equal(terminal.pid, core.decode(novita("batch status out.db --json").out).running)
    terminal:type("\3")
    terminal:expect("finishing the calls that are sent; Ctrl-C again stops them")
    terminal:type("\3")
    assert.are.equal(130, terminal:finish())
  end)

  it("names the process that runs it also while that is stopped within a commit", function()
    assert.are.equal(0, novita(RUN).status)
    local path = home.path .. "/out.db"
    local store = assert(require("novita").store(path))
    local db = assert(require("novita.sqlite").open(path))
    assert(store:lock("batch rows.jsonl"))
    assert(db:begin())
    local began = core.now()
    for _, action in ipairs { "run", "plan", "submit" } do
      local run = novita((RUN:gsub("run", action, 1)))
      assert.are.equal(3, run.status)
      assert.is_truthy(run.err:find("locked by process " .. native.pid(), 1, true), run.err)
    end
    assert.is_true(core.now() - began < 10)
    db:close()
    store:close()
  end)

  it("lets calls end after Ctrl-C, and goes on later", function()
    rows(40)
    sim:always { delay = 0.15 }
    local terminal = home:terminal(RUN .. " --concurrency 4", variables)
    assert(sim:wait_for(function() return #calls() >= 4 end))
    native.readable(terminal.fd, 0.02)
    terminal:type("\3")
    terminal:expect("finishing ")
    assert.are.equal(3, terminal:finish())
    assert.is_truthy(terminal.shown:find("rows left (interrupted): the same command goes on", 1,
      true), terminal.shown)
    sim:always(nil)
    local before = #calls()
    assert.are.equal(0, novita(RUN).status)
    assert.are.equal(40, #calls())
    assert.is_true(before < 40)
  end)

  it("says where the answers are after a second Ctrl-C", function()
    rows(8)
    sim:script { { match = "row 5", delay = 30 } }
    local terminal = home:terminal(RUN .. " --concurrency 1", variables)
    assert(sim:wait_for(function() return #calls() == 5 end))
    terminal:type("\3")
    terminal:expect("finishing ")
    terminal:type("\3")
    assert.are.equal(130, terminal:finish())
    assert.is_truthy(terminal.shown:find("\nno output was written: the answers are in the store, "
      .. "and novita batch export writes them\r\n", 1, true), terminal.shown)
    assert.is_nil(terminal.shown:find("no --output", 1, true))
  end)

  it("sends rows to the server's Batch API, and fetches their answers", function()
    variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
    local run = novita((RUN:gsub("run", "submit", 1)))
    assert.are.same({ status = 0, out = "", err = "3 rows sent, 1 file at the server\n" }, run)
    run = novita("batch status out.db")
    assert.is_truthy(run.out:find("\nremote\t3\n", 1, true), run.out)
    assert.is_truthy(run.out:find("\npart 1\t3 rows, %l+\n"), run.out)
    run = novita("batch resume out.db")
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("3 rows left (at the server: novita batch fetch)", 1, true),
      run.err)
    run = novita("batch fetch out.db --wait --interval 0.05")
    assert.are.same({ 0, "3 results fetched, 3/3 rows done, 0 failed\n" }, { run.status, run.err })
    assert.are.equal("t2", output()[2].custom_id)
    assert.are.equal(0, core.decode(novita("batch fetch out.db --json").out).rows)
  end)

  it("submits no more rows than the budget allows", function()
    variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
    local run = novita((RUN:gsub("run", "submit --budget-tokens 1", 1)))
    assert.are.same({ status = 3, out = "", err = "0 rows sent, 0 files at the server\n"
      .. "novita: 3 rows left (the budget does not suffice for the next row)\n" }, run)
  end)

  it("says that the server is not done yet", function()
    variables.NOVITA_MODEL = "deepseek/deepseek-v3-0324"
    novita((RUN:gsub("run", "submit --no-prompts", 1)))
    sim:script { { match = "/batches/", body = '{"id":"batch_1","status":"in_progress"}' } }
    local run = novita("batch fetch out.db")
    assert.are.equal(3, run.status)
    assert.is_truthy(run.err:find("novita: 1 file left at the server; the same command", 1, true),
      run.err)
  end)

  it("keeps no prompt in its store where none is wanted", function()
    assert.are.equal(0, novita(RUN .. " --no-prompts -m simulator/count-10").status)
    local pipe = assert(io.popen("grep -l 'Sum up' " .. home.path .. "/out.db*"))
    assert.are.equal("", pipe:read("*a"))
    pipe:close()
    assert.are.equal(2, novita("batch resume out.db").status)
  end)

  it("says what is wrong with many rows once", function()
    local run = novita("batch run rows.jsonl --output out.jsonl --prompt '{{row.txt}}'")
    assert.are.same({ 1, "" }, { run.status, run.out })
    assert.are.equal("0/3 rows done, 3 failed, 0 sent, 0 tokens, 0.000000 USD\n"
      .. "novita: line 1 message: line 1, column 1: {{row.txt}} is missing\n"
      .. "novita: 3 rows failed; the same command goes on with them\n", run.err)
  end)

  it("says how to ask something, where nothing is asked", function()
    local how = ": name what is asked, by --prompt 'Sum up: {{row.text}}', -t FILE, the `request` "
      .. "of a description, or a `body` in each line\n"
    for _, action in ipairs { "plan", "run" } do
      local run = novita("batch " .. action .. " rows.jsonl")
      assert.is_truthy(run.err:find("novita: line 1 message: is missing" .. how, 1, true), run.err)
      variables.NOVITA_MODEL = nil
      run = novita("batch " .. action .. " rows.jsonl --store other.db")
      assert.is_truthy(run.err:find("novita: line 1 has no body, and the batch no request" .. how,
        1, true), run.err)
      variables.NOVITA_MODEL = "simulator/echo"
    end
    assert.are.same({}, calls())
  end)

  it("sends no text that is not what was written", function()
    files.write(home.path .. "/rows.jsonl",
      '{"id":"a","text":"\\ud800"}\n{"id":"b","text":"\252"}\n')
    local run = novita(RUN)
    assert.are.equal(1, run.status)
    assert.is_truthy(run.err:find('line 1 has half of a surrogate pair in "text"\nnovita: line 2 '
      .. 'is not UTF-8 in "text"\n', 1, true), run.err)
    run = novita(RUN .. [[ -o 'stop=["\ud800"]']])
    assert.are.same({ 2, "novita: config: -o: stop has half of a surrogate pair\n" },
      { run.status, run.err })
    files.write(home.path .. "/z.json", '{"input":"rows.jsonl","request":{"message":"\\udc00"}}')
    run = novita("batch run z.json")
    assert.are.same({ 2, 'novita: config: z.json: has half of a surrogate pair in "request"\n' },
      { run.status, run.err })
    assert.are.same({}, calls())
  end)

  it("names the description whose function raises, and keeps the answers", function()
    files.write(home.path .. "/x.lua", [[return { input = "rows.jsonl", output = "out.jsonl",
      request = { message = "{{row.text}}" }, concurrency = 1,
      check = function(reply) return reply.none.text end }]])
    local run = novita("batch run x.lua")
    assert.are.same({ 1, "" }, { run.status, run.out })
    assert.is_truthy(run.err:find("novita: x.lua: a function raised: [^\n]*x.lua:3: attempt to "
      .. "index [^\n]* %(the answers that have come are saved%)\n$"), run.err)
    assert.are.equal(1, core.decode(novita("batch status out.db --json").out).failed)
  end)

  it("ends with 2 where the description is wrong", function()
    files.write(home.path .. "/x.lua", "return 7")
    files.write(home.path .. "/y.lua", "return {")
    files.write(home.path .. "/z.json", '{"input":"rows.jsonl","outptu":"a"}')
    for words, said in pairs {
      ["x.lua"] = "x.lua: expected the table of a batch", ["y.lua"] = "y.lua: y.lua:1: ",
      ["z.json"] = 'novita: config: batch.outptu: unknown field; did you mean "output"?',
      ["none.jsonl"] = "none.jsonl", ["rows.jsonl --concurrency many"] = 'got "many"',
      ["rows.jsonl --concurrency 0"] = 'novita: --concurrency: expected an integer >= 1, got "0"',
      ["rows.jsonl --output /none/x"] = "/none/x.db: unable to open",
    } do
      local run = novita("batch run " .. words)
      assert.are.same({ 2, "" }, { run.status, run.out }, words)
      assert.is_truthy(run.err:find(said, 1, true), run.err)
    end
  end)
end)
