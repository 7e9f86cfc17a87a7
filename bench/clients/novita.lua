-- novita, as its README shows it.

local novita = require "novita"
local request = require "clients.request"

local client = {}
client.__index = client

local function connect(url, ca_file)
  return setmetatable({
    novita = novita.new {
      api_key = "sk_0123456789abcdef0123456789abcdef01234567",
      base_url = url:match("^(.*)/chat/completions$"),
      ca_file = ca_file ~= "" and ca_file or nil,
    },
  }, client)
end

function client:chat(model)
  return assert(self.novita:chat(request(model)))
end

function client:texts(model)
  return assert(self.novita:stream(request(model))):text()
end

-- Many calls at a time: client.map's own coroutines, one a call.
function client:map(items, width, fn)
  local replies = assert(self.novita:map(items, fn, { concurrency = width }))
  assert(#replies == #items)
end

function client:calls(count, width, model, check)
  local items = {}
  for index = 1, count do items[index] = index end
  self:map(items, width, function() return check(self:chat(model)) end)
end

return connect
