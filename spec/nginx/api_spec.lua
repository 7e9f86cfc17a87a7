-- The endpoints beside chat in nginx: a file goes up and down while nobody else is held up.

local files = require("spec.support.files")
local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()

local ROUND_TRIP = [[
  local client, input, output = here.client(), "@folder/in", "@folder/out"
  local text = ('{"n":1}\n'):rep(100000)
  local file = io.open(input, "w")
  file:write(text)
  file:close()
  local sent, far = assert(client.files:upload { path = input }), 0
  local saved = assert(client.files:content {
    id = sent.id, save_to = output, on_progress = function(done) far = done end,
  })
  file = io.open(saved)
  ngx.say(sent.bytes, " ", tostring(file:read("*a") == text), " ", far)
  file:close()
]]

local AT = {
  ["/quick"] = [[ ngx.say("quick") ]],
  ["/files"] = ROUND_TRIP,
  ["/embeddings"] = [[
    local answer = assert(here.client():embeddings { model = "baai/bge-m3", input = { "a", "b" } })
    ngx.say(#answer.data, " ", #answer.data[2].embedding) ]],
  ["/events"] = [[
    local request = { model = "simulator/echo", prompt = "one two", stream = true }
    for text in assert(here.client():completions(request)):text() do ngx.print(text) end
    ngx.say() ]],
}

describe("#nginx: the endpoints beside chat", function()
  local server

  setup(function()
    sim:reset()
    local folder, at = files.folder(), {}
    os.execute("chmod 777 " .. folder) -- workers run as another user
    for path, code in pairs(AT) do at[path] = code:gsub("@folder", folder) end
    server = nginx.start { at = at }
  end)

  teardown(function()
    sim:reset()
    local codes, complaints = server:stop()
    assert.same({ { 0 }, {} }, { codes, complaints })
  end)

  before_each(function() sim:reset() end)

  local function body(path) return (select(2, server:get(path))) end

  it("answer as in a script", function()
    assert.equal("2 32\n", body("/embeddings"))
    assert.equal("one two\n", body("/events"))
    assert.equal("800000 true 800000\n", body("/files"))
  end)

  it("hold up nobody else", function()
    sim:script { { match = "files", delay = 0.3 } }
    local connection = server:open("/files")
    assert(sim:wait_for(function(entries) return #entries == 1 end))
    assert.equal("quick\n", body("/quick"))
    assert.equal(1, #sim:journal())
    nginx.head(connection)
    assert.equal("800000 true 800000\n", connection:receive("*a"))
    connection:close()
  end)
end)
