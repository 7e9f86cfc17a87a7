-- The server's Batch API as it answers: states of any case, lists in any order.

local novita = require("novita")

local batches = require("spec.support.batches")
local talk = require("spec.support.client")

local place

-- Asks until all parts have ended.
local function fetch(batch)
  return assert(batch:fetch { wait = true, interval = 0 })
end

-- Sends rows r1 ... and has the server say how their batch stands, with files of these lines.
local function submitted(count, says)
  place:numbered(count)
  local batch = place:batch(says.fields)
  local part = assert(batch:submit()).parts[1]
  local told = { id = part.id, object = "batch", status = says.status, errors = says.errors or "",
    output_file_id = "", error_file_id = "" }
  for _, name in ipairs { "output_file_id", "error_file_id" } do
    if says[name] then
      told[name] = assert(talk.client().files:upload { bytes = says[name] }).id
    end
  end
  batches.sim:script { { match = "/batches/" .. part.id, uses = 9,
    body = novita.json.encode(told) } }
  return batch
end

local function success(id, text)
  return ('{"custom_id":"%s","error":null,"id":"x","response":{"body":{ "z":1.50, "choices":[{'
    .. '"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],"usage":{'
    .. '"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}},"request_id":"q","status_code":'
    .. '200}}'):format(id, text)
end

describe("what the server says of a batch", function()
  before_each(function() place = batches.place() end)
  after_each(function() place:remove() end)

  it("is kept byte by byte, whatever the order of its lines", function()
    local batch = submitted(2, { status = "COMPLETED",
      output_file_id = success("r2", "two") .. "\r\n\n" .. success("r1", "one") })
    assert.are.equal(2, fetch(batch).rows)
    local file = assert(io.open(place.output))
    local text = file:read("*a")
    file:close()
    assert.is_truthy(text:find('"status_code":200,"request_id":"q","body":{ "z":1.50, "choices"',
      1, true), text)
    assert.are.same({ r1 = "one", r2 = "two" }, place:texts())
    assert.are.equal(14, assert(batch:status()).usage.total_tokens)
  end)

  it("may be that the file is bad: its rows wait again, and the part says why", function()
    for _, errors in ipairs { "line 1: no model", { message = "line 1: no model" },
      { object = "list", data = { { code = "x", message = "line 1: no model" } } } } do
      local batch = submitted(2, { status = "FAILED", errors = errors })
      local fetched = fetch(batch)
      local part = fetched.parts[#fetched.parts]
      assert.are.same({ 0, "failed", "line 1: no model" },
        { fetched.rows, part.status, part.problem })
      assert.are.equal(2, assert(batch:status()).waiting)
    end
  end)

  it("goes on in states of any name and case", function()
    for _, status in ipairs { "VALIDATING", "in_progress", "Finalizing", "cancelling", "new" } do
      local batch = submitted(1, { status = status })
      local fetched = assert(batch:fetch())
      assert.are.same({ 1, status:lower() }, { fetched.open, fetched.parts[1].status })
      place:remove()
      place = batches.place()
    end
  end)
end)
