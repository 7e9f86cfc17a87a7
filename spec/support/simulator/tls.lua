-- A certificate of the simulator's own, made at start: a small CA and a leaf for 127.0.0.1 and
-- localhost, or for another host, or one that has expired.
-- luacheck: std lua54

local altname = require("openssl.x509.altname")
local bignum = require("openssl.bignum")
local context = require("openssl.ssl.context")
local extension = require("openssl.x509.extension")
local name = require("openssl.x509.name")
local pkey = require("openssl.pkey")
local store = require("openssl.x509.store")
local x509 = require("openssl.x509")

local DAY = 24 * 60 * 60

local tls = {}

local function new_key()
  return pkey.new { type = "EC", curve = "prime256v1" }
end

local function new_name(text)
  return name.new():add("CN", text)
end

local function new_certificate(serial, subject, issuer, key, expired)
  local cert = x509.new()
  local now = os.time()
  cert:setVersion(3)
  cert:setSerial(bignum.new(serial))
  cert:setSubject(subject)
  cert:setIssuer(issuer)
  cert:setLifetime(now - 2 * DAY, expired and now - DAY or now + 30 * DAY)
  cert:setPublicKey(key)
  return cert
end

local function new_ca()
  local key, subject = new_key(), new_name("novita simulator CA")
  local cert = new_certificate(1, subject, subject, key)
  cert:setBasicConstraints { CA = true, pathLen = 0 }
  cert:setBasicConstraintsCritical(true)
  cert:addExtension(extension.new("keyUsage", "critical,keyCertSign,cRLSign"))
  cert:sign(key)
  return cert, key, subject
end

local function alt_names(host)
  local names = altname.new()
  if host then return names:add("DNS", host) end
  return names:add("IP", "127.0.0.1"):add("DNS", "localhost")
end

local function chooser(wanted)
  return function(_, offered)
    for _, protocol in ipairs(offered) do
      if protocol == wanted then return protocol end
    end
  end
end

-- A leaf and its key, and the CA that vouches for it.
local function new_leaf(options)
  local ca, ca_key, ca_name = new_ca()
  local key = new_key()
  local cert = new_certificate(2, new_name(options.tls_host or "localhost"), ca_name, key,
    options.tls_expired)
  cert:setSubjectAlt(alt_names(options.tls_host))
  cert:sign(ca_key)
  return cert, key, ca
end

-- Has a context turn away clients whose certificate the one in a file has not signed.
local function demand(ctx, path)
  ctx:setVerify(context.VERIFY_PEER + context.VERIFY_FAIL_IF_NO_PEER_CERT)
  if not path then return end
  local file = assert(io.open(path))
  ctx:setStore(store.new():add(x509.new(file:read("*a"))))
  file:close()
end

--- Makes a server's context and the PEM text of the CA that vouches for it.
---@param options table tls_host: the only name in the certificate; tls_expired: out of
--- date; tls_client: the client needs a certificate too, which that in the file tls_client_ca has
--- signed; tls_h2: HTTP/2, of which a script of connections gives the bytes
---@return userdata context, string pem
function tls.new(options)
  local cert, key, ca = new_leaf(options)
  local ctx = context.new("TLS", true)
  ctx:setCertificate(cert)
  ctx:setPrivateKey(key)
  ctx:setAlpnSelect(chooser(options.tls_h2 and "h2" or "http/1.1"))
  if options.tls_client then demand(ctx, options.tls_client_ca) end
  return ctx, ca:toPEM()
end

--- The same for other programs: what a server needs, and the CA, as PEM texts.
---@return { cert: string, key: string, ca: string }
function tls.texts()
  local cert, key, ca = new_leaf {}
  return { cert = cert:toPEM(), key = key:toPEM("private"), ca = ca:toPEM() }
end

return tls
