-- A workflow in nginx: a run pauses and is retried in requests and timers, and blocks no worker.

local files = require("spec.support.files")
local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()

local FLOW = [[
  local novita = require("novita")
  local function ask(text) return { model = "simulator/echo", message = text } end
  local store = assert(novita.store("%s/runs.db"))
  local flow = assert(here.client():workflow("spec", function(run)
    local list = run:each("many", { "a", "b", "c" }, ask("{{item}}"))
    local ok = pcall(run.chat, run, "last", ask("last"))
    return list[2]:text() .. tostring(ok)
  end, { store = store }))
  local function tell(record, err)
    if not record then return ngx.say(tostring(err)) end
    ngx.say(record.id, " ", record.status, " ", tostring(record.result or record.error))
  end
]]

local AT = {
  ["/start"] = FLOW .. [[ tell(flow:start()) ]],
  ["/retry"] = FLOW .. [[ tell(flow:retry(ngx.var.arg_id)) ]],
  ["/queue"] = FLOW .. [[
    local record = assert(flow:start(nil, { queue = true }))
    local ended
    ngx.timer.at(0, function() ended = flow:retry(record.id) end)
    while not ended do ngx.sleep(0.01) end
    tell(ended) ]],
  ["/quick"] = [[ ngx.say("quick") ]],
}

describe("#nginx: a workflow", function()
  local server, folder

  setup(function()
    folder = files.folder()
    os.execute("chmod 777 " .. folder) -- workers run as another user
    local at = {}
    for path, code in pairs(AT) do at[path] = code:gsub("%%s", folder) end
    server = nginx.start { at = at }
  end)
  teardown(function()
    local codes, complaints = server:stop()
    assert.are.same({ { 0 }, {} }, { codes, complaints })
  end)
  before_each(function() sim:reset() end)

  it("pauses in a request, and goes on in another one", function()
    sim:script { { match = '"last"', status = 400 } }
    local _, body = server:get("/start")
    local id = body:match("^(%x+) paused bad_request")
    assert.is_string(id, body)
    sim:reset()
    _, body = server:get("/retry?id=" .. id)
    assert.equal(id .. " done btrue\n", body)
    assert.equal(1, #sim:journal())
  end)

  it("runs in a timer what a request has queued", function()
    local _, body = server:get("/queue")
    assert.is_truthy(body:find("^%x+ done btrue\n$"), body)
  end)
end)
