-- Methods of objects are called with a colon: a point blames the line that made it.

local core = require("novita.core")
local novita = require("novita")

local talk = require("spec.support.client")

local load_text = rawget(_G, "loadstring") or load
local client = talk.client()
local function fn() end

-- An object of each class that has methods.
local objects = {
  client = function() return client end,
  stream = function() return assert(client:stream(talk.request())) end,
  task = function() return novita.spawn(fn) end,
  conversation = function() return client:conversation { model = talk.MODEL } end,
  handle = function() return client:start(talk.request(), {}) end,
  template = function() return novita.template("") end,
  limiter = function() return novita.limit {} end,
  reply = function() return assert(client:chat(talk.request())) end,
  error = function() return core.error { kind = "config" } end,
  pool = function() return core.pool() end,
  transfer = function()
    local options = { base_url = talk.sim.url, api_key = talk.KEY }
    return assert(core.pool():chat(talk.request(), options))
  end,
  parser = function() return core.sse() end,
}

describe("a method called with a point blames the line that made it:", function()
  for class, make in pairs(objects) do
    it(class, function()
      local object = make()
      for name in pairs(getmetatable(object).__index) do
        for _, self in ipairs { "", "1", "'text'", "{}" } do
          local call = load_text(
            ("local %s = ...\n%s.%s(%s) return"):format(class, class, name, self), "=user.lua")
          local ok, err = pcall(call, object)
          assert.is_false(ok)
          assert.equal(("user.lua:2: %s:%s(): call it with a colon"):format(class, name), err)
        end
      end
      novita.run()
    end)
  end
end)
