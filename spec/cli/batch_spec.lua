-- Batches at the command line.

local core = require("novita.core")

local cli = require("spec.support.cli")
local native = require("spec.support.native")

local RUN = cli.BATCH
local novita, output, answers, calls = cli.novita, cli.output, cli.answers, cli.calls

describe("novita batch", function()
  cli.with(cli.three_rows)

  it("makes a call for each row, once", function()
    local run = novita(RUN)
    assert.are.same({ 0, "" }, { run.status, run.out })
    assert.are.equal("3/3 rows done, 0 failed, 3 sent, 24 tokens, 0.000009 USD\n", run.err)
    assert.are.same({ "Sum up: row 1", "Sum up: row 2", "Sum up: row 3" }, answers())
    run = novita(RUN .. " --json")
    assert.are.same({ 3, 0, true }, { core.decode(run.out).done, core.decode(run.out).sent,
      core.decode(run.out).complete })
    assert.are.equal(3, #calls())
    local found = io.popen("grep -rl sk_spec " .. cli.home.path):read("*a")
    assert.are.equal("", found)
  end)

  it("calls another endpoint, and takes the lines of a batch", function()
    cli.write("e.csv", "id,text\na,one\n")
    assert.are.equal(0, novita("batch run e.csv --output e.jsonl --endpoint /embeddings "
      .. "-m baai/bge-m3 -o 'input={{row.text}}'").status)
    assert.are.equal("a", output("e.jsonl")[1].custom_id)
    cli.write("l.jsonl", '{"custom_id":"l1","body":{"model":"simulator/echo",'
      .. '"messages":[{"role":"user","content":"{{x}}"}]}}\n')
    cli.variables.NOVITA_MODEL = ""
    assert.are.equal(0, novita("batch run l.jsonl --output out.jsonl").status)
    assert.are.same({ "{{x}}" }, answers())
  end)

  it("is resumed and fetched by its store, not by its rows", function()
    for _, action in ipairs { "resume", "fetch" } do
      local run = novita("batch " .. action .. " rows.jsonl")
      assert.are.same({ 2, "novita: config: STORE: rows.jsonl is the address of none: name the "
        .. "database of the batch, such as out.db\n" }, { run.status, run.err })
    end
  end)

  it("names the process that runs it also while that is stopped within a commit", function()
    assert.are.equal(0, novita(RUN).status)
    local path = cli.home.path .. "/out.db"
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

  it("keeps no prompt in its store where none is wanted", function()
    assert.are.equal(0, novita(RUN .. " --no-prompts -m simulator/count-10").status)
    local pipe = assert(io.popen("grep -l 'Sum up' " .. cli.home.path .. "/out.db*"))
    assert.are.equal("", pipe:read("*a"))
    pipe:close()
    assert.are.equal(2, novita("batch resume out.db").status)
  end)

  it("says how to ask something, where nothing is asked", function()
    local how = ": name what is asked, by --prompt 'Sum up: {{row.text}}', -t FILE, the `request` "
      .. "of a description, or a `body` in each line\n"
    for _, action in ipairs { "plan", "run" } do
      local run = novita("batch " .. action .. " rows.jsonl")
      assert.is_truthy(run.err:find("novita: line 1 message: is missing" .. how, 1, true), run.err)
      cli.variables.NOVITA_MODEL = nil
      run = novita("batch " .. action .. " rows.jsonl --store other.db")
      assert.is_truthy(run.err:find("novita: line 1 has no body, and the batch no request" .. how,
        1, true), run.err)
      cli.variables.NOVITA_MODEL = "simulator/echo"
    end
    assert.are.same({}, calls())
  end)

  it("takes one prompt, not two", function()
    cli.write("prompt.txt", "Sum up: {{row.text}}")
    local run = novita("batch run rows.jsonl --prompt '{{row.text}}' -t prompt.txt")
    assert.are.equal(2, run.status)
    assert.is_truthy(run.err:find("--prompt: is in place of -t: name one", 1, true), run.err)
    assert.are.same({}, calls())
  end)

  it("sends no text that is not what was written", function()
    cli.write("rows.jsonl",
      '{"id":"a","text":"\\ud800"}\n{"id":"b","text":"\252"}\n')
    local run = novita(RUN)
    assert.are.equal(1, run.status)
    assert.is_truthy(run.err:find('line 1 has half of a surrogate pair in "text"\nnovita: line 2 '
      .. 'is not UTF-8 in "text"\n', 1, true), run.err)
    run = novita(RUN .. [[ -o 'stop=["\ud800"]']])
    assert.are.same({ 2, "novita: config: -o: stop has half of a surrogate pair\n" },
      { run.status, run.err })
    cli.write("z.json", '{"input":"rows.jsonl","request":{"message":"\\udc00"}}')
    run = novita("batch run z.json")
    assert.are.same({ 2, 'novita: config: z.json: has half of a surrogate pair in "request"\n' },
      { run.status, run.err })
    assert.are.same({}, calls())
  end)
end)
