-- The batch that a command line describes.

local core = require("novita.core")

local cli = require("spec.support.cli")

local novita, output, answers, calls = cli.novita, cli.output, cli.answers, cli.calls

describe("novita batch", function()
  cli.with(cli.three_rows)

  it("takes a description, in Lua or JSON, and options over it", function()
    cli.write("b.json", '{"input":"rows.jsonl","output":"out.jsonl",'
      .. '"request":{"model":"simulator/request","message":"{{row.text}}","temperature":1}}')
    assert.are.equal(0, novita("batch run b.json -o temperature=0 -s Brief -o top_p=0.5").status)
    local body = calls()[1]
    assert.are.same({ "simulator/request", 0, 0.5, "Brief", "row 1" }, { body.model,
      body.temperature, body.top_p, body.messages[1].content, body.messages[2].content })
    cli.write("b.lua", 'return { input = "rows.jsonl", output = "lua.jsonl", '
      .. 'request = { message = "{{row.text}}" }, check = function(_, id) return id ~= "t2" end }')
    local run = novita("batch run b.lua --concurrency 1")
    assert.are.same({ 1, "failed" }, { run.status, run.err:match("1 row (failed)") })
    assert.is_truthy(output("lua.jsonl")[2].error)
  end)

  it("fills a template, from CSV", function()
    cli.write("t.csv", 'id,text\na,"x, y"\nb,z\n')
    cli.write("p.txt", "{{verb}} {{row.text}}")
    assert.are.equal(0, novita("batch run t.csv --output out.jsonl -t p.txt -p verb=Read").status)
    assert.are.same({ "Read x, y", "Read z" }, answers())
  end)

  it("names the description whose function raises, and keeps the answers", function()
    cli.write("x.lua", [[return { input = "rows.jsonl", output = "out.jsonl",
      request = { message = "{{row.text}}" }, concurrency = 1,
      check = function(reply) return reply.none.text end }]])
    local run = novita("batch run x.lua")
    assert.are.same({ 1, "" }, { run.status, run.out })
    assert.is_truthy(run.err:find("novita: x.lua: a function raised: [^\n]*x.lua:3: attempt to "
      .. "index [^\n]* %(the answers that have come are saved%)\n$"), run.err)
    assert.are.equal(1, core.decode(novita("batch status out.db --json").out).failed)
  end)

  it("names the description that raises while it is read", function()
    cli.write("x.lua", "return { input = 'rows.jsonl', request = setmetatable({}, { __index = "
      .. "function() error('no luck') end }) }")
    local run = novita("batch run x.lua")
    assert.are.same({ 2, "novita: config: x.lua: x.lua:1: no luck\n" }, { run.status, run.err })
  end)

  it("names the description whose function raises while rows are sent as files", function()
    cli.write("x.lua", "return { input = 'rows.jsonl', output = 'out.jsonl', "
      .. "request = { message = 'Hi' }, log = function() error('no luck') end }")
    local run = novita("batch submit x.lua")
    assert.are.same({ 1, "" }, { run.status, run.out })
    assert.is_truthy(run.err:find("novita: x.lua: a function raised: x.lua:1: no luck (", 1, true),
      run.err)
  end)

  it("ends with 2 where the description is wrong", function()
    cli.write("x.lua", "return 7")
    cli.write("y.lua", "return {")
    cli.write("z.json", '{"input":"rows.jsonl","outptu":"a"}')
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
