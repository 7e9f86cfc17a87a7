-- Options of a call go before those of its client, and these before the defaults.

local novita = require("novita")

local talk = require("spec.support.client")

local KEY = "sk_client_s3cret_key"

describe("the options of a call", function()
  it("go before those of its client, and these before the defaults", function()
    local client = talk.client { user_agent = "client", api_key = KEY }
    assert.are.equal("client", talk.chat_headers(client)["user-agent"])
    assert.are.equal("call", talk.chat_headers(client, { user_agent = "call" })["user-agent"])
    assert.are.equal("client", talk.chat_headers(client, { deadline = 5 })["user-agent"])
    assert.are.equal("Bearer " .. KEY,
      talk.chat_headers(client, { user_agent = "x" }).authorization)
    assert.is_truthy(talk.chat_headers(talk.client())["user-agent"]:find("^novita%-lua/"))
  end)

  it("may undo what the client has", function()
    local client = talk.client { deadline = 0.000001 }
    assert.are.equal("deadline", select(2, client:chat(talk.request())).reason)
    assert(client:chat(talk.request(), { deadline = false }))
  end)

  it("are added to the client's headers, name by name", function()
    local client = talk.client { headers = { ["X-A"] = "client", ["X-B"] = "client" } }
    local header = talk.chat_headers(client, { headers = { ["x-a"] = "call", ["X-C"] = "call" } })
    assert.are.equal("call", header["x-a"])
    assert.are.equal("client", header["x-b"])
    assert.are.equal("call", header["x-c"])
    header = talk.chat_headers(client, { headers = { ["X-A"] = false } })
    assert.is_nil(header["x-a"])
    assert.are.equal("client", header["x-b"])
    assert.are.equal("client", talk.chat_headers(client)["x-a"])
  end)

  it("are copied when they are given", function()
    local options = { base_url = talk.sim.url, api_key = KEY, headers = { ["X-A"] = "1" } }
    local client = novita.new(options)
    options.api_key, options.base_url, options.headers["X-A"] = "sk_other", "http://x/", "2"
    local header = talk.chat_headers(client)
    assert.are.equal("Bearer " .. KEY, header.authorization)
    assert.are.equal("1", header["x-a"])
  end)
end)
