-- The table of a batch: what is refused, and how.

local talk = require("spec.support.client")

local function problem(fields)
  local ok, err = pcall(talk.client().batch, talk.client(), fields)
  assert.is_false(ok)
  return (err:gsub("^[^ ]*:%d+: ", ""))
end

describe("the table of a batch", function()
  it("has no unknown fields", function()
    assert.are.equal('batch.ouput: unknown field; did you mean "output"?', problem { ouput = "x" })
    assert.are.equal('batch.concurency: unknown field; did you mean "concurrency"?',
      problem { concurency = 3 })
    assert.is_truthy(problem({ on_text = print }):find("^batch.on_text: unknown field"))
  end)

  for _, case in ipairs {
    { { input = 1 }, "batch.input: expected a string, got 1" },
    { { endpoint = "embeddings" },
      'batch.endpoint: expected a path such as "/embeddings", got "embeddings"' },
    { { max_failures = 1.5 }, "batch.max_failures: expected a count of rows, or a share below 1, "
      .. "got 1.5" },
    { { in_doubt = "skip" }, 'batch.in_doubt: expected one of "hold", "send", got "skip"' },
    { { abort_on = "balance" },
      'batch.abort_on: expected a list of kinds of errors, got "balance"' },
    { { budget = { usd = -1 } }, "batch.budget.usd: expected a number >= 0, got -1" },
    { { budget = { euro = 1 } },
      "batch.budget.euro: unknown option; there are tokens, usd" },
    { { concurrency = 0 }, "options.concurrency: expected an integer >= 1, got 0" },
    { { store = 1 },
      "batch.store: expected a store, its address, or a table of both, got a number" },
    { 1, "batch: expected a table, got 1" },
  } do
    it("says: " .. case[2], function() assert.are.equal(case[2], problem(case[1])) end)
  end
end)
