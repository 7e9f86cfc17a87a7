-- pool:request: any endpoint, any method, any body.

local core = require("novita.core")

local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

describe("pool:request", function()
  local pool

  before_each(function() pool = core.pool() end)
  after_each(function() pool:close() end)

  local function finish(transfer)
    while pool:poll(10) > 0 do repeat until not pool:ready() end
    return transfer:reply()
  end

  it("asks any endpoint", function()
    local models, info = finish(pool:request({ path = "/models" }, wire.options()))
    assert.is_table(models.data)
    assert.are.equal(200, info.status)
    local entry = sim:journal()[1]
    assert.are.equal("GET", entry.method)
    assert.are.equal("Bearer " .. wire.key, entry.header.authorization)
    assert.is_nil(entry.header["content-type"])
  end)

  it("goes to the URL of each, whatever the one before went to", function()
    local here = sim.url
    local other = here:gsub("127%.0%.0%.1", "localhost")
    local sent, seen = {}, {}
    for number, case in ipairs {
      { here, "/a" }, { here, "/a" }, { here, "/b" }, { other, "/b" }, { here, "/b" },
      { here, "/b?c=1" }, { other, "/a" }, { here, "/a" },
    } do
      local base, path = case[1], case[2]
      sim:script { { body = "{}" }, { body = "{}" } }
      local options = wire.options { base_url = base }
      local first = pool:request({ path = path }, options)
      assert.are.same({}, finish(pool:request({ path = path .. number }, options)))
      assert.are.same({}, finish(first))
      for _, target in ipairs { path, path .. number } do
        sent[#sent + 1] = (base:match("//([^/]+)") .. " " .. base:match("//[^/]+(.*)") .. target)
      end
    end
    for index, entry in ipairs(sim:journal()) do
      seen[index] = entry.header.host .. " " .. entry.path
    end
    table.sort(sent)
    table.sort(seen)
    assert.are.same(sent, seen)
  end)

  it("sends a body and any method", function()
    for _, method in ipairs { "POST", "PUT", "PATCH" } do
      sim:script { { body = "{}" } }
      finish(pool:request({ method = method, path = "/x", body = '{"a":1}' }, wire.options()))
      local entries = sim:journal()
      assert.are.equal(method, entries[#entries].method)
      assert.are.equal('{"a":1}', entries[#entries].body)
    end
    sim:script { { body = "{}" } }
    finish(pool:request({ method = "DELETE", path = "/x" }, wire.options()))
    assert.are.equal("DELETE", sim:journal()[4].method)
  end)
end)
