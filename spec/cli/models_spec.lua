-- The models, for a person and for a program.

local core = require("novita.core")

local command = require("spec.support.command")
local simulator = require("spec.support.simulator_client")

describe("novita models", function()
  local sim = simulator.shared()
  local home, variables

  before_each(function()
    home, variables = command.home(), { NOVITA_BASE_URL = sim.url }
    sim:reset()
  end)
  after_each(function() home:remove() end)

  local function answer(models)
    sim:script { { body = core.encode { data = models }, content_type = "application/json" } }
  end

  it("gives a program tabs between name, context and prices, and needs no key", function()
    assert.are.same({
      status = 0, err = "",
      out = "meta-llama/llama-3.1-8b-instruct\t16384\t0.39\t0.39\n"
        .. "meta-llama/llama-3.3-70b-instruct\t131072\t0.39\t0.39\n",
    }, home:run("models LLAMA", variables))
    assert.are.equal(1, select(2, home:run("models llama 70b", variables).out:gsub("\n", "")))
  end)

  it("shows a person columns below a header", function()
    answer {
      { id = "b/long-name", context_size = 8192, input_token_price_per_m = 3900,
        output_token_price_per_m = 39000 },
      { id = "a/x", context_size = 1048576, pricing = {
        prompt = { price_per_m_decimal = "0.005" }, completion = { price_per_m_decimal = "12" } } },
      { id = "c" },
    }
    local terminal = home:terminal("models", variables)
    assert.are.equal(0, terminal:finish())
    assert.are.equal("\27[1mMODEL        CONTEXT  USD/M IN  USD/M OUT\27[0m\r\n"
      .. "a/x          1048576     0.005         12\r\n"
      .. "b/long-name     8192      0.39        3.9\r\n"
      .. "c                  -         -          -\r\n", terminal.shown)
  end)

  it("has all that the server told as JSON", function()
    local told = { { id = "b", extra = { 1 } }, { id = "a" } }
    answer(told)
    local run = home:run("models --json", variables)
    assert.are.same({ told[2], told[1] }, core.decode(run.out))
    answer {}
    run = home:run("models --json", variables)
    assert.are.same({ 1, "[]\n" }, { run.status, run.out })
  end)

  it("ends with 1 where no model fits, or the server does not answer", function()
    assert.are.same({ status = 1, out = "",
      err = "novita: no model has this in its name: no such\n" },
      home:run("models no such", variables))
    sim:script { { status = 404 } }
    local run = home:run("models", variables)
    assert.are.same({ 1, "" }, { run.status, run.out })
    assert.is_truthy(run.err:find("^novita: not_found"), run.err)
  end)

  it("asks the server that the settings name", function()
    home:run("config set base_url " .. sim.url)
    assert.are.equal(0, home:run("models llama").status)
    assert.are.equal(1, #sim:journal())
  end)
end)
