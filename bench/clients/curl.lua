-- A chat client that spawns curl for each call, as editor plugins do: body by standard input, key
-- in a header, JSON from its output.

local cjson = require "cjson"
local body = require "clients.body"
local texts = require "clients.texts"

local COMMAND = [[
exec curl --silent --show-error --fail --no-buffer --cacert '%s' --data-binary @- \
  --header 'Authorization: Bearer sk_0123456789abcdef0123456789abcdef01234567' \
  --header 'Content-Type: application/json' '%s' <<'END'
%s
END]]

local client = {}
client.__index = client

local function connect(url, ca_file)
  return setmetatable({ url = url, ca_file = ca_file }, client)
end

function client:post(request)
  return assert(io.popen(COMMAND:format(self.ca_file, self.url, cjson.encode(request)), "r"))
end

function client:chat(model)
  local pipe = self:post(body(model))
  local json = pipe:read("*a")
  pipe:close()
  return cjson.decode(json)
end

function client:texts(model)
  local pipe = self:post(body(model, true))
  return texts(function()
    local line = pipe:read("*l")
    if line then return line .. "\n" end
    pipe:close()
  end)
end

return connect
