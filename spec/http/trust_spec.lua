-- What the system trusts: a bundle, and a folder of the same certificates under their hashes
-- (trusted.c says which). In whatever state the folder is, what is in the bundle is trusted.

local core = require("novita.core")

local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local TRUSTED = os.getenv("LUA_CPATH"):match("^[^;]+"):gsub("%?", "spec/support/trusted")

-- libcurl tells its places from 7.84 on; an older one reads both.
local major, minor = core.features().libcurl:match("^(%d+)%.(%d+)")
local tells = major * 100 + minor >= 784

describe("the system's certificates", function()
  local sim, other, folder, bundle

  setup(function()
    sim, other = simulator.start { tls = true }, simulator.start { tls = true }
  end)
  teardown(function()
    sim:stop()
    other:stop()
  end)

  before_each(function()
    folder, bundle = files.hashed(sim.ca_file), os.tmpname()
    os.execute(("cat '%s' > '%s'"):format(sim.ca_file, bundle))
  end)

  -- Does a fresh program trust the server? `between` runs before the first connection.
  local function trusts(server, between, named)
    named = named or {}
    local output = wire.run(([[
      local pool = core.pool()
      %s
      local options = { base_url = %q, api_key = "sk_spec", deadline = 5 }
      local transfer = assert(pool:chat({ model = %q, message = "x" }, options))
      local reply, err
      repeat
        pool:poll(1)
        reply, err = transfer:reply()
      until reply or err
      io.write(reply and "trusted" or err.reason or err.kind)
    ]]):format(between or "", server.tls_url, wire.model), {
      LD_PRELOAD = (os.getenv("NOVITA_PRELOAD") or "") .. " " .. TRUSTED,
      TRUSTED_FILE = bundle, TRUSTED_PATH = folder,
      CURL_CA_BUNDLE = named.CURL_CA_BUNDLE or "", SSL_CERT_FILE = named.SSL_CERT_FILE or "",
      SSL_CERT_DIR = named.SSL_CERT_DIR or "",
    })
    assert.is_true(output == "trusted" or output == "tls", output)
    return output == "trusted"
  end

  if not tells then return end

  it("come from the folder alone where it has what the bundle has", function()
    assert.is_true(trusts(sim, ("os.remove(%q)"):format(bundle)))
    assert.is_false(trusts(other))
  end)

  it("do not include the file of an earlier call where only a folder is named", function()
    local named = { SSL_CERT_DIR = files.hashed(sim.ca_file) }
    os.remove(bundle)
    local before = ([[
      local first = assert(pool:chat({ model = %q, message = "x" },
        { base_url = %q, api_key = "sk_spec", deadline = 5, ca_file = %q }))
      repeat pool:poll(1) until first:reply()
    ]]):format(wire.model, other.tls_url, other.ca_file)
    assert.is_false(trusts(other, before, named))
    assert.is_true(trusts(sim, before, named))
  end)

  it("come from the folder alone where the environment names the system's bundle", function()
    for _, named in ipairs { { CURL_CA_BUNDLE = bundle }, { SSL_CERT_FILE = bundle },
      { SSL_CERT_FILE = bundle, SSL_CERT_DIR = folder }, { SSL_CERT_DIR = folder } } do
      local replace = ("os.execute(%q)"):format(("cat '%s' > '%s'"):format(other.ca_file, bundle))
      assert.is_true(trusts(sim, replace, named))
      os.execute(("cat '%s' > '%s'"):format(sim.ca_file, bundle))
      assert.is_false(trusts(other, nil, named))
    end
  end)

  it("are others where the environment names another bundle", function()
    for _, name in ipairs { "CURL_CA_BUNDLE", "SSL_CERT_FILE" } do
      assert.is_true(trusts(other, nil, { [name] = other.ca_file }))
      assert.is_false(trusts(sim, nil, { [name] = other.ca_file }))
    end
  end)

  it("come from the bundle if one was added to that alone", function()
    os.execute(("mv '%s'/*.0 '%s/00000000.0'"):format(folder, folder)) -- as if of another one
    os.execute(("cat '%s' >> '%s'"):format(other.ca_file, bundle))
    assert.is_true(trusts(sim))
  end)

  it("come from the bundle if the folder's links point to nothing", function()
    os.execute(("cd '%s' && for name in *; do ln -sf /no/such/file.pem $name; done"):format(folder))
    assert.is_true(trusts(sim))
  end)

  it("come from the bundle if the folder can't be read", function()
    os.execute("rm -r '" .. folder .. "'")
    assert.is_true(trusts(sim))
  end)
end)
