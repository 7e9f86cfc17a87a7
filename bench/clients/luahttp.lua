-- A chat client on lua-http and lua-cjson: one connection, kept, HTTP/1.1.

local cjson = require "cjson"
local http_client = require "http.client"
local http_headers = require "http.headers"
local http_tls = require "http.tls"
local body = require "clients.body"
local texts = require "clients.texts"

local TIMEOUT = 30

local client = {}
client.__index = client

local function tls_context(ca_file)
  local store = require("openssl.x509.store").new()
  store:add(ca_file)
  local context = http_tls.new_client_context()
  context:setVerify(require("openssl.ssl.context").VERIFY_PEER)
  context:setStore(store)
  return context
end

local function connect(url, ca_file)
  local scheme, host, port, path = url:match("^(https?)://([^:/]+):(%d+)(/.*)$")
  local secure = scheme == "https"
  local connection = assert(http_client.connect({
    host = host, port = tonumber(port), version = 1.1,
    tls = secure, ctx = secure and tls_context(ca_file) or nil,
  }, TIMEOUT))
  return setmetatable({
    connection = connection, scheme = scheme, authority = host .. ":" .. port, path = path,
  }, client)
end

function client:post(request)
  local json = cjson.encode(request)
  local headers = http_headers.new()
  headers:append(":method", "POST")
  headers:append(":scheme", self.scheme)
  headers:append(":authority", self.authority)
  headers:append(":path", self.path)
  headers:append("authorization", "Bearer sk_0123456789abcdef0123456789abcdef01234567", true)
  headers:append("content-type", "application/json")
  headers:append("content-length", string.format("%d", #json))
  local stream = assert(self.connection:new_stream())
  assert(stream:write_headers(headers, false, TIMEOUT))
  assert(stream:write_body_from_string(json, TIMEOUT))
  local answer = assert(stream:get_headers(TIMEOUT))
  assert(answer:get(":status") == "200", answer:get(":status"))
  return stream
end

function client:chat(model)
  local json = assert(self:post(body(model)):get_body_as_string(TIMEOUT))
  return cjson.decode(json)
end

function client:texts(model)
  local stream = self:post(body(model, true))
  return texts(function()
    return stream:get_next_chunk(TIMEOUT)
  end)
end

return connect
