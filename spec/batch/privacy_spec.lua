-- What must not be found in a database, an output or a log: keys, and prompts where a store keeps
-- none.

local core = require("novita.core")

local batches = require("spec.support.batches")
local files = require("spec.support.files")
local talk = require("spec.support.client")

local PROMPT = "the-secret-of-the-prompt"

local place

-- The files beside the input that hold a text.
local function holding(text)
  local pipe = io.popen(("cd '%s' && grep -laF '%s' $(ls -A | grep -vx in.jsonl)"):format(
    place.dir, text))
  local names = {}
  for name in pipe:lines() do names[#names + 1] = name end
  pipe:close()
  return names
end

-- A batch whose log is a file beside its output, of rows that succeed, fail and can't be sent.
local function make_batch(fields)
  place:rows {
    { id = "a", text = PROMPT, tokens = 9 }, { id = "b", text = PROMPT, tokens = 9 },
    { id = "c", text = PROMPT, tokens = -1 }, { id = "d", text = PROMPT },
    { id = "e", text = PROMPT, tokens = 9 },
  }
  local log = assert(io.open(place.dir .. "/log", "w"))
  local all = {
    request = { model = "simulator/count-3", message = "{{row.text}}",
      max_tokens = "{{row.tokens}}" },
    abort_on = {},
    log = function(level, event) log:write(level, " ", core.encode(event), "\n") end,
  }
  for name, value in pairs(fields or {}) do all[name] = value end
  return place:batch(all), log
end

-- The next two calls are refused, in words that hold the key.
local function refuse_with_key()
  batches.sim:script {
    { match = "messages", status = 400, message = "no: " .. talk.KEY },
    { match = "messages", status = 401, body = '{"key":"' .. talk.KEY .. '"}' },
  }
end

describe("a batch", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("writes no key into its database, output and log", function()
    local batch, log = make_batch()
    refuse_with_key()
    local summary = assert(batch:run())
    assert.are.same({ 1, 4 }, { summary.done, summary.failed })
    log:close()
    assert.are.same({}, holding(talk.KEY))
    local place_of_prompt = holding(PROMPT)[1]
    assert.is_truthy(place_of_prompt:find("^out%.db"), place_of_prompt)
    assert.is_nil(core.encode(summary):find(talk.KEY, 1, true))
  end)

  it("writes no prompt either, where its store keeps none", function()
    local batch, log = make_batch { store = { place.db, prompts = false } }
    assert(batch:plan())
    refuse_with_key()
    assert(batch:run())
    assert(batch:run())
    log:close()
    assert.are.same({}, holding(PROMPT))
    assert.are.same({}, holding(talk.KEY))
  end)

  it("leaves no prompt behind when it was at the server", function()
    local batch, log = make_batch { store = { place.db, prompts = false } }
    assert(batch:submit())
    assert(batch:fetch { wait = true, interval = 0 })
    log:close()
    assert.are.equal(3, assert(batch:status()).done)
    assert.are.same({}, holding(PROMPT))
    assert.are.same({}, holding(talk.KEY))
  end)

  it("finds what it looks for", function()
    files.write(place.dir .. "/x", "a " .. PROMPT .. " b")
    assert.are.same({ "x" }, holding(PROMPT))
  end)
end)
