-- lua-cjson around the least that a binding can do for many calls at once, bench/thin_map.c: no
-- coroutines, no order, each answer taken as it comes.

local cjson = require "cjson"
local thin_map = require "thin_map"
local body = require "clients.body"

local client = {}
client.__index = client

local function connect(url, ca_file)
  return setmetatable({ url = url, ca_file = ca_file }, client)
end

function client:calls(count, width, model, check)
  local started = 0
  local function start()
    if started == count then return end
    started = started + 1
    thin_map.start(self.url, self.ca_file, cjson.encode(body(model)))
  end
  for _ = 1, width do start() end
  local replies = {}
  for index = 1, count do
    replies[index] = check(cjson.decode(thin_map.wait()))
    start()
  end
  return replies
end

return connect
