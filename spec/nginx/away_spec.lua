-- A worker that a long computation blocks: nobody looks at the sockets of any request meanwhile.

local socket = require("socket")

local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()

-- Blocks the worker for 1.6 s while a call, which has 1.2 s for its first byte, waits; its answer
-- comes at 2 s.
local AT = {
  ["/blocked"] = [[
    local novita = require("novita")
    local options = { first_byte_timeout = 1.2, nginx_wakeup = ngx.var.arg_way, retry = "none" }
    local task = novita.spawn(function() return here.client(options):chat(here.request) end)
    ngx.sleep(0.1)
    local till = os.clock() + 1.6
    repeat until os.clock() > till
    local reply, err = task:wait()
    ngx.say(tostring(reply or err)) ]],
  -- Code that runs between the look of a waiting thread and its registration, as a finalizer may,
  -- takes the news: the answer is there when the thread begins to wait.
  ["/between"] = [[
    local core, cleanup = require("novita.core"), require("novita.core").cleanup
    function core.cleanup(request)
      core.cleanup = cleanup
      local pool, till = require("novita.loop.ngx").pool(), core.now() + 0.3
      repeat pool:dispatch() until core.now() > till
      return cleanup(request)
    end
    ngx.say(tostring(select(2, pcall(function()
      return assert(here.client({ deadline = 3, retry = "none" }):chat(here.request))
    end)))) ]],
}

describe("#nginx: a worker that was blocked", function()
  local server

  setup(function() server = nginx.start { at = AT } end)
  teardown(function() server:stop() end)

  for _, way in ipairs { "event", "thread", "timer" } do
    it("longer than a call has patience waits for what is left of it, woken by: " .. way, function()
      sim:reset()
      sim:always { delay = 2 }
      local _, text = server:get("/blocked?way=" .. way)
      assert.equal("Hi\n", text)
      socket.sleep(1.2) -- the driver ends, and the next one is woken in another way
    end)
  end

  it("while a thread began to wait finds the answer that came then", function()
    sim:reset()
    sim:always { delay = 0.1 }
    local _, text = server:get("/between")
    assert.equal("Hi\n", text)
  end)
end)
