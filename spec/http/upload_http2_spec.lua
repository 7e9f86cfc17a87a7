-- Files over HTTP/2, beside other calls on the same connection.

local files = require("spec.support.files")
local http2 = require("spec.support.http2")
local novita = require("novita")
local simulator = require("spec.support.simulator_client")

describe("over HTTP/2", function()
  local front, path

  setup(function() front = http2.start() end)
  teardown(function() if front then front:stop() end end)
  before_each(function()
    simulator.shared():reset()
    path = os.tmpname()
  end)

  it("files go up and down at the same time as calls", function()
    if not front then pending(http2.MISSING) return end
    local text = ("0123456789"):rep(300000)
    files.write(path, text)
    local client = http2.client(front)
    local sizes = {}
    for index = 1, 3 do
      novita.spawn(function()
        local file = assert(client.files:upload { path = path })
        sizes[index] = { file.bytes, #assert(client.files:content(file.id)) }
      end)
      novita.spawn(function() assert(client:models()) end)
    end
    novita.run()
    assert.are.same({ { #text, #text }, { #text, #text }, { #text, #text } }, sizes)
    local id = assert(client.files:upload { bytes = text }).id
    local _, info = assert(client.files:content { id = id, save_to = path })
    assert.are.equal("2", info.http_version)
    local file = io.open(path, "rb")
    assert.are.equal(text, file:read("*a"))
    file:close()
  end)
end)
