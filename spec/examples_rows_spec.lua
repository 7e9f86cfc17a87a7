-- examples/rows.lua with a file and a store of its own: a run for each row, and a second command
-- that retries what has paused.

local child = require("spec.support.child")
local talk = require("spec.support.client")
local files = require("spec.support.files")

local CSV = 'customer,text\nAda,"fire, again"\nBob,"a wrong\ndate"\nCid,"too many",columns\n'

describe("examples/rows.lua", function()
  local folder

  before_each(function()
    talk.sim:reset()
    folder = files.folder()
    local file = assert(io.open(folder .. "/tickets.csv", "w"))
    file:write(CSV)
    file:close()
  end)

  local function run()
    local output, _, status = child.run_file("examples/rows.lua",
      { NOVITA_BASE_URL = talk.sim.url, NOVITA_API_KEY = "sk_rows" },
      folder .. "/tickets.csv", folder .. "/tickets.db")
    return output, status
  end

  it("goes on where a row has failed, and queues no row twice", function()
    talk.sim:script { { match = "The topic, in a word: fire", status = 400 } }
    local output, status = run()
    assert.are.equal(1, status)
    assert.is_truthy(output:find("  Bob: ", 1, true), output)
    assert.is_truthy(output:find("tickets.csv:5: ", 1, true), output)
    assert.is_nil(output:find("  Ada: ", 1, true), output)
    assert.are.equal(3, #talk.sim:journal())
    talk.sim:reset()
    output, status = run()
    assert.are.equal(0, status, output)
    assert.is_truthy(output:find("^%x+  Ada: "), output)
    assert.are.equal(2, #talk.sim:journal())
    assert.is_truthy(talk.sim:journal()[2].body:find("Dear Ada", 1, true))
    assert.are.equal("", (run()))
  end)
end)
