-- Submitting the rows of a batch to the server: a submission that ends early loses nothing.

local batches = require("spec.support.batches")
local child = require("spec.support.child")
local native = require("spec.support.native")
local talk = require("spec.support.client")

local fetch, posts = batches.fetch, batches.posts

local place

-- Submits in another process, which is killed once the simulator has seen a request.
local function submit_and_kill(step, path)
  local before = #batches.sim:journal()
  batches.sim:script { step }
  local process = child.start(([[
    local client = require("novita").new { base_url = %q, api_key = "sk_x", retry = "none" }
    client:batch({ input = %q, output = %q,
      request = { model = "simulator/echo", message = "{{row.text}}" } }):submit()
  ]]):format(batches.sim.url, place.input, place.output))
  assert(batches.sim:wait_for(function(entries)
    for index = before + 1, #entries do
      if entries[index].path:find(path, 1, true) and entries[index].body then return true end
    end
  end))
  native.kill(process.pid, "KILL")
  process:finish()
end

local function request_of_child()
  return { request = { model = "simulator/echo", message = "{{row.text}}" } }
end

describe("a submission that ends early", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("while its file goes up is made again, without the first file", function()
    place:numbered(2)
    submit_and_kill({ match = "/files", delay = 5 }, "/files")
    local batch = place:batch(request_of_child())
    assert.are.equal("claimed", assert(batch:status()).parts[1].state)
    local sent = assert(batch:submit())
    assert.are.same({ 1, 2, 0 }, { #sent.parts, sent.rows, sent.resumed })
    assert.are.equal(1, #posts("/batches"))
    assert.are.equal(1, #assert(talk.client().files:list()).data)
    assert.are.equal(2, fetch(batch).rows)
    local status = assert(batch:status())
    assert.are.same({ 2, {}, "dropped", "completed" },
      { status.done, status.paid_twice, status.parts[1].status, status.parts[2].status })
  end)

  it("while its batch is created finds that batch", function()
    place:numbered(2)
    for _ = 1, 3 do -- of others
      assert(talk.client().batches:create {
        input_file_id = assert(talk.client().files:upload { bytes = "{}" }).id })
    end
    submit_and_kill({ match = "input_file_id", delay = 5 }, "/batches")
    local batch = place:batch(request_of_child())
    assert.are.equal("creating", assert(batch:status()).parts[1].state)
    local created = #posts("/batches")
    local sent = assert(batch:submit())
    assert.are.same({ 1, 0, 1 }, { #sent.parts, sent.rows, sent.resumed })
    assert.are.equal(created, #posts("/batches"))
    assert.are.equal(2, fetch(batch).rows)
    assert.are.same({}, assert(batch:status()).paid_twice)
  end)

  it("as the answer is lost finds its batch at once, or the next time", function()
    place:numbered(2)
    local batch = place:batch {
      retry = { attempts = 2, initial_delay = 0, when = function() return true end },
    }
    batches.sim:script { { match = "input_file_id", cut = 0, ending = "reset" } }
    assert.are.equal(1, #assert(batch:submit()).parts)
    assert.are.equal(1, #posts("/batches"))
    place:numbered(3)
    batches.sim:script { { match = "input_file_id", cut = 0, ending = "reset" },
      { match = "/batches?", status = 503, uses = 2 } }
    local sent, err = batch:submit()
    assert.is_nil(sent)
    assert.is_truthy(err.message:find("may exist all the same", 1, true), err.message)
    assert.are.equal(3, assert(batch:status()).remote)
    assert.are.equal(0, place:run().sent)
    assert.are.equal(1, assert(batch:submit()).resumed)
    assert.are.equal(2, #posts("/batches"))
    assert.are.equal(3, fetch(batch).rows)
  end)

  it("as the server refuses leaves its rows", function()
    place:numbered(2)
    local batch = place:batch()
    batches.sim:script { { match = "input_file_id", status = 400, message = "no such window" } }
    local sent, err = batch:submit { window = "1h" }
    assert.are.same({ nil, "bad_request" }, { sent, err.kind })
    batches.sim:script { { match = "/files", status = 413 } }
    assert.are.equal("request_too_large", select(2, batch:submit()).kind)
    local status = assert(batch:status())
    assert.are.same({ 2, 0, {}, "refused" },
      { status.waiting, status.remote, status.paid_twice, status.parts[1].status })
    assert.is_truthy(status.parts[1].problem:find("no such window", 1, true))
    assert.are.equal(2, place:run().sent)
  end)

  it("as its file can't be written sends nothing", function()
    place:numbered(2)
    local batch = place:batch { output = place.dir .. "/none/out.jsonl", store = place.db }
    assert.are.equal("config", select(2, batch:submit()).kind)
    assert.are.equal(0, #batches.sim:journal())
    assert.has_error(function() batch:submit { max_row = 2 } end)
    assert.has_error(function() batch:fetch { interval = -1 } end)
  end)
end)

