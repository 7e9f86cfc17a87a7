-- lua-cjson around the least that a binding can do, bench/thin.c.

local cjson = require "cjson"
local post = require "thin"
local body = require "clients.body"

local client = {}
client.__index = client

local function connect(url, ca_file)
  return setmetatable({ url = url, ca_file = ca_file }, client)
end

function client:chat(model)
  return cjson.decode(post(self.url, self.ca_file, cjson.encode(body(model))))
end

return connect
