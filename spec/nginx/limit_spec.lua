-- One limit for all workers.

local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()

local CLIENT = [[
  local novita = require("novita")
  local limit = novita.limit.shared("limits", %s)
  local client = here.client { limit = limit } ]]

local ASK = [[
  local reply, err = client:chat(here.request)
  ngx.print(reply and "ok" or err.kind) ]]

local AT = {
  ["/requests"] = CLIENT:format("{ key = 'r', rpm = 60, queue = 0 }") .. ASK,
  ["/client"] = CLIENT:format("{ key = ngx.var.arg_name, rpm = 6, queue = 0 }") .. ASK,
  ["/tokens"] = CLIENT:format("{ key = 't', tpm = 1000, burst = 60, queue = 0 }") .. [[
    local reply, err = client:chat { model = "simulator/echo", message = "Hi", max_tokens = 600 }
    ngx.print(reply and "ok" or err.kind) ]],
  ["/pause"] = CLIENT:format("{ key = 'p', rpm = 600 }") .. [[
    local since = require("novita.core").now()
    local reply, err = client:chat(here.request)
    ngx.print(reply and "ok" or err.kind, " ", require("novita.core").now() - since) ]],
  ["/mistake"] = [[
    local ok, err = pcall(require("novita").limit.shared, "nothing", { rpm = 1 })
    ngx.print(err) ]],
}

describe("#nginx: a limit shared by workers", function()
  local server

  setup(function()
    server = nginx.start {
      workers = 2, at = AT, http = "lua_shared_dict limits 1m;",
    }
  end)

  teardown(function()
    sim:reset()
    local codes, complaints = server:stop()
    assert.same({ { 0, 0 }, {} }, { codes, complaints })
  end)

  before_each(function() sim:reset() end)

  local function answers(paths)
    local connections, count = {}, {}
    for index, path in ipairs(paths) do connections[index] = server:open(path) end
    for _, connection in ipairs(connections) do
      local text = connection:receive("*a"):match("\r\n\r\n(.*)$")
      count[text] = (count[text] or 0) + 1
      connection:close()
    end
    return count
  end

  local function times(count, path)
    local list = {}
    for index = 1, count do list[index] = path end
    return list
  end

  it("lets no more through than one worker would", function()
    local count = answers(times(100, "/requests"))
    assert.same({ ok = 10, queue_full = 90 }, count) -- the burst: 10 s of 60 a minute
    assert.equal(10, #sim:journal())
  end)

  it("is kept for each client of its own", function()
    local paths = {}
    for index = 1, 40 do paths[index] = "/client?name=" .. index % 4 end
    assert.same({ ok = 4, queue_full = 36 }, answers(paths))
  end)

  it("counts tokens, and gives back what was not used", function()
    sim:always { delay = 0.2 }
    assert.same({ ok = 1, queue_full = 3 }, answers(times(4, "/tokens")))
    assert.same({ ok = 1, queue_full = 3 }, answers(times(4, "/tokens")))
  end)

  it("pauses all workers after a 429 of one", function()
    sim:script { { status = 429, headers = { { "Retry-After", "1" } } } }
    assert.equal("rate_limit", (select(2, server:get("/pause")):match("^%S+")))
    local paused = 0
    for text in pairs(answers(times(8, "/pause"))) do
      if tonumber(text:match("^ok (%S+)")) > 0.5 then paused = paused + 1 end
    end
    assert.equal(8, paused)
  end)

  it("needs its dictionary", function()
    local _, text = server:get("/mistake")
    assert.is_truthy(text:find("no lua_shared_dict 'nothing' in nginx.conf", 1, true))
  end)
end)
