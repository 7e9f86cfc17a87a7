-- Files of the API: sent, listed, fetched, deleted.

local novita = require("novita")

local files = require("spec.support.files")
local talk = require("spec.support.client")

local client, path

before_each(function()
  talk.sim:reset()
  client, path = talk.client(), os.tmpname()
end)

describe("files", function()
  it("are sent from the disk or from memory, and listed", function()
    files.write(path, "{}\n{}\n")
    local file = assert(client.files:upload { path = path, filename = "in.jsonl" })
    assert.are.same({ "in.jsonl", 6, "batch", 2 },
      { file.filename, file.bytes, file.purpose, file.metadata.total_requests })
    local other = assert(client.files:upload { bytes = "x", purpose = "user_data" })
    assert.are.same({ "file", "user_data" }, { other.filename, other.purpose })
    local list, info = client.files:list { limit = 10 }
    assert.are.same({ file, other }, list.data)
    assert.are.equal(200, info.status)
    assert.are.equal("/openai/v1/files?limit=10", talk.sim:journal()[3].path)
    assert.are.same(file, (client.files:get(file.id)))
  end)

  it("are fetched as text, whatever it is, or into a file", function()
    for _, bytes in ipairs { '{"a":1}\n', "", "a\0b" } do
      local id = assert(client.files:upload { bytes = bytes }).id
      assert.are.equal(bytes, (client.files:content(id)))
      local far
      assert.are.equal(path, (client.files:content {
        id = id, save_to = path, on_progress = function(done) far = done end,
      }))
      assert.are.equal(#bytes, far or 0)
      local file = io.open(path, "rb")
      assert.are.equal(bytes, file:read("*a"))
      file:close()
    end
  end)

  it("are deleted", function()
    local id = assert(client.files:upload { bytes = "x" }).id
    assert.are.same({ deleted = true, id = id, object = "file" }, (client.files:delete(id)))
    assert.are.equal("not_found", select(2, client.files:get(id)).kind)
    assert.are.equal("not_found", select(2, client.files:content { id = id, save_to = path }).kind)
  end)

  it("have ids that are escaped, and must be some", function()
    client.files:get("a/b?c")
    assert.are.equal("/openai/v1/files/a%2Fb%3Fc", talk.sim:journal()[1].path)
    for _, id in ipairs { "", 12, {}, ".", ".." } do -- a path can't hold the dots
      assert.are.same({ "config", "id" }, {
        select(2, client.files:get(id)).kind, select(2, client.files:delete(id)).param })
    end
  end)

  it("are functions of novita too, and take options", function()
    local options = { base_url = talk.sim.url, api_key = talk.KEY, user_agent = "mine" }
    assert(novita.files.upload({ bytes = "x" }, options))
    assert.are.equal(1, #assert(novita.files.list(nil, options)).data)
    assert.are.equal("mine", talk.sim:journal()[2].header["user-agent"])
  end)

  it("say that they want a point, or a colon", function()
    for call, words in pairs {
      [function() client.files.list() end] = "files:list(): call it with a colon",
      [function() novita.files:list() end] = "novita.files.list(): call it with a point",
    } do
      assert.is_truthy(select(2, pcall(call)):find(words, 1, true))
    end
  end)
end)
