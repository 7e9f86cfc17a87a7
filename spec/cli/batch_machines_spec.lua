-- One batch that several processes of the command run, on a PostgreSQL server.

local core = require("novita.core")

local batches = require("spec.support.batches")
local cli = require("spec.support.cli")
local command = require("spec.support.command")
local engine = require("spec.support.stores").postgres
local files = require("spec.support.files")
local native = require("spec.support.native")

local COUNT = 40

local sim, novita, sent = cli.sim, cli.novita, batches.sent

describe("novita batch on a server, #postgres,", function()
  local address, begin

  setup(engine.setup)
  cli.with(function()
    address = "'" .. engine.address() .. "'"
    begin = "batch run rows.jsonl --output out.jsonl -m simulator/echo --prompt '{{row.text}}' "
      .. "--concurrency 4 --rpm 60000 --lease 1 --store " .. address
    cli.rows(COUNT)
  end)
  after_each(engine.clear)

  it("is run by any number of processes; the others go on where one has died", function()
    sim:always { delay = 0.1 }
    local first = cli.terminal(begin)
    assert(sim:wait_for(function() return sent() >= 8 end))
    local other = command.home() -- as on another machine: it has no file of the first
    local second = other:terminal("batch run " .. address .. " --concurrency 4 --rpm 60000 "
      .. "--lease 1", cli.variables)
    second:expect("/40 rows")
    native.kill(first.pid, "KILL")
    first:finish()
    sim:always(nil)
    assert.are.equal(0, second:finish(), second.shown)
    assert.is_truthy(second.shown:find("40/40 rows done, 0 failed", 1, true), second.shown)
    local status = core.decode(other:run("batch status " .. address .. " --json").out)
    assert.are.same({ COUNT, COUNT }, { status.total, status.done })
    other:remove()
    assert.is_true(sent() <= COUNT + 4)
    assert.are.equal(0, novita(begin).status)
    assert.are.equal(COUNT,
      select(2, files.read(cli.home.path .. "/out.jsonl"):gsub('"error":null', "")))
  end)

  it("goes on by its address, and has no password in its store", function()
    local secret = engine.address():gsub("^(%l+://)([^@/]*)@?", function(scheme, user)
      return ("%s%s:secret@"):format(scheme, user ~= "" and user or "spec")
    end)
    assert.are.equal(0, novita("batch run rows.jsonl --output out.jsonl -m simulator/echo "
      .. "--prompt '{{row.text}}' --store '" .. secret .. "'").status)
    local rows = assert(engine.open():query("select value from meta where name like 'command %'"))
    assert.is_truthy(rows[1][1]:find("rows.jsonl", 1, true))
    assert.is_nil(rows[1][1]:find("secret", 1, true))
    assert.are.equal(0, novita("batch resume '" .. secret .. "'").status)
  end)

  it("goes on later where its server can't be reached, but not where that refuses it", function()
    local function finish(words, store)
      return novita(words .. " --store '" .. store .. "'")
    end
    local words = "batch run rows.jsonl -m simulator/echo --prompt '{{row.text}}'"
    local absent = "postgresql://spec@127.0.0.1:1/postgres"
    for _, action in ipairs { "run", "plan", "submit" } do
      local run = finish(words:gsub("run", action, 1), absent)
      assert.are.same({ 3, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find("novita: the same command goes on with the store once its "
        .. "server can be reached\n", 1, true), run.err)
    end
    assert.are.equal(3, novita("batch run '" .. absent .. "'").status)
    assert.are.equal(3, novita("batch fetch '" .. absent .. "'").status)
    cli.two_steps()
    for _, other in ipairs { "batch status '%s'", "batch export '%s'", "runs list --store '%s'",
      "runs show a --store '%s'", "runs rm a --store '%s'", "run flow.lua -p x=a --store '%s'",
      "runs work flow.lua --once --store '%s'" } do
      local run = novita(other:format(absent))
      assert.are.same({ 3, "" }, { run.status, run.out }, other)
      assert.is_truthy(run.err:find("once its server can be reached\n", 1, true), run.err)
    end
    for _, change in ipairs { { "/postgres", "/none" }, { "//spec", "//nobody" } } do
      local store = engine.address():gsub(change[1], change[2], 1)
      local run = finish(words, store)
      assert.are.same({ 2, "" }, { run.status, run.out })
      assert.is_truthy(run.err:find("does not exist", 1, true), run.err)
      local status = novita("batch status '" .. store .. "'")
      assert.are.same({ 2, run.err }, { status.status, status.err })
    end
  end)

  it("is none before a process has read its rows", function()
    local run = novita("batch run " .. address)
    assert.are.same({ 2, "novita: config: name: the store has no batch\n" },
      { run.status, run.err })
    run = novita("batch status 'postgresql://nobody:secret@127.0.0.1:1/none'")
    assert.are.equal(3, run.status)
    assert.is_nil(run.err:find("secret", 1, true), run.err)
  end)
end)
