-- A server that closes its HTTP/2 connections after a few requests names with GOAWAY those that it
-- has not processed. The server is nginx, which does so after `keepalive_requests`.

local novita = require("novita")

local http2 = require("spec.support.http2")
local machine = require("spec.support.machine")
local nginx = require("spec.support.nginx")
local poll = require("novita.loop.poll")
local sim = require("spec.support.simulator_client").shared()
local streaming = require("spec.support.streaming")

local CALLS_EACH = 4

local FRONT = [[
  server {
    listen 127.0.0.1:%d ssl http2;
    ssl_certificate %s; ssl_certificate_key %s;
    keepalive_requests %d;
    location / { proxy_pass http://127.0.0.1:%d; }
  }
]]

describe("#nginx: over HTTP/2 to a server that closes after a few requests", function()
  local server, files, front

  local function start(requests)
    local port = machine.free_port()
    files = http2.certificate()
    front = { url = ("https://127.0.0.1:%d/openai/v1"):format(port), ca_file = files.ca }
    server = nginx.start {
      http = FRONT:format(port, files.cert, files.key, requests, tonumber(sim.port)),
    }
  end

  before_each(function()
    poll.pool():close()
    sim:reset()
  end)

  after_each(function()
    server:stop()
  end)

  for requests, tasks in pairs { [10] = 100, [1] = 40 } do
    it(("(%d), each of many calls at once is answered by one attempt"):format(requests),
      function()
        start(requests)
        sim:always { delay = 0.02 }
        local one, answered, errors = http2.client(front), 0, {}
        for _ = 1, tasks do
          novita.spawn(function()
            for _ = 1, CALLS_EACH do
              local reply, info = one:chat(streaming.request)
              if reply then answered = answered + 1 else errors[#errors + 1] = tostring(info) end
            end
          end)
        end
        novita.run()
        assert.same({}, errors)
        assert.equal(tasks * CALLS_EACH, answered)
        assert.equal(tasks * CALLS_EACH, sim:stats().requests)
      end)
  end
end)
