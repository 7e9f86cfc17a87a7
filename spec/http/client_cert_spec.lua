-- Servers that ask for a certificate: what is shown to them, and what is said of one that can't be.

local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")
local talk = require("spec.support.client")

local PASSPHRASE = "open sesame"

local folder, sim

local function run(command, ...)
  assert(os.execute(command:format(...) .. " 2>/dev/null"))
end

local function at(name)
  return folder .. "/" .. name
end

setup(function()
  folder = files.folder()
  run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=me "
    .. "-days 2 -keyout '%s/key' -out '%s/cert'", folder, folder)
  run("cat '%s/cert' '%s/key' >'%s/both'", folder, folder, folder)
  run("openssl ec -aes128 -passout 'pass:%s' -in '%s/key' -out '%s/locked'", PASSPHRASE, folder,
    folder)
  files.write(folder .. "/phrase", PASSPHRASE .. "\r\nand more\n")
  sim = simulator.start { tls = true, tls_client = true, tls_client_ca = at "cert" }
end)

teardown(function() sim:stop() end)

local function ask(options)
  options.base_url, options.ca_file, options.deadline = sim.tls_url, sim.ca_file, 5
  options.retry = { attempts = 2, initial_delay = 0 }
  return talk.client(options):chat(talk.request())
end

describe("a server that asks for a certificate", function()
  it("is shown one, with its key in a file of its own or in the same", function()
    assert(ask { client_cert = at "cert", client_key = at "key" })
    assert(ask { client_cert = at "both" })
  end)

  it("gets none of a call that has none, also after one that had", function()
    assert(ask { client_cert = at "both" })
    local _, err = ask {}
    assert.are.equal("connection", err.kind) -- its reset may overtake its reason
    assert(ask { client_cert = at "both" })
  end)

  it("is shown one whose key is encrypted, with a function or a file for the passphrase", function()
    local asked = 0
    local function phrase()
      asked = asked + 1
      return PASSPHRASE
    end
    for _, way in ipairs { phrase, at "phrase" } do
      assert(ask { client_cert = at "cert", client_key = at "locked", client_key_passphrase = way })
    end
    assert.are.equal(1, asked)
  end)
end)

describe("a certificate that can't be shown", function()
  local function refusal(options)
    local reply, err = ask(options)
    assert.is_nil(reply)
    assert.are.equal("config", err.kind)
    return err
  end

  it("is a config error that names the option, and no passphrase is asked for", function()
    local key = { client_cert = at "cert", client_key = at "locked" }
    local err = refusal(key)
    assert.are.equal("client_key", err.param)
    assert.are.equal(1, #err.attempts)
    key.client_key_passphrase = function() return "wrong" end
    assert.are.equal("client_key", refusal(key).param)
    assert.are.equal("client_cert", refusal({ client_cert = at "key" }).param)
    for _, name in ipairs { "client_cert", "client_key" } do
      for _, path in ipairs { "/no/such/file", "/", at "phrase" } do
        assert.are.equal(name, refusal({ [name] = path }).param)
      end
    end
  end)

  it("is one whose passphrase is not there, without showing what was given for it", function()
    local key = { client_cert = at "cert", client_key = at "locked" }
    local function says(way)
      key.client_key_passphrase = way
      local err = refusal(key)
      assert.are.equal("client_key_passphrase", err.param)
      return err.message
    end
    assert.are.equal("client_key_passphrase: the function returned nothing: no terminal",
      says(function() return nil, "no terminal" end))
    assert.is_nil(says(PASSPHRASE):find(PASSPHRASE, 1, true))
    assert.has_error(function() says(12) end)
  end)
end)
