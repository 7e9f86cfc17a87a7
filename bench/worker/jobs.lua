-- What a worker of nginx does for bench/nginx: the job in the path, with the client that it was
-- started with. Costs are those of the whole worker: all its threads, user and system.

local ffi = require("ffi")

local request = require("clients.request")

ffi.cdef [[
  typedef struct { long sec, nsec; } bench_timespec;
  int clock_gettime(int id, bench_timespec *t);
]]

local MONOTONIC, PROCESS_CPU = 1, 2

local timespec = ffi.new("bench_timespec")

local function read_clock(id)
  ffi.C.clock_gettime(id, timespec)
  return tonumber(timespec.sec) + tonumber(timespec.nsec) / 1e9
end

local function now() return read_clock(MONOTONIC) end
local function cpu() return read_clock(PROCESS_CPU) end

local function quantile(values, q)
  table.sort(values)
  return values[math.floor(q * (#values - 1)) + 1]
end

local jobs = {}

local function new_run(count)
  return { count = count, started = 0, ended = 0, seen = 0, latency = {} }
end

local run

-- One of `count` streams, each a request of its own. Counted from when the last one has started
-- until the first one ends.
function jobs.stream(client, arg)
  local count = tonumber(arg.count)
  if not run or run.started == run.count then run = new_run(count) end
  local this, fresh = run, true
  for text in client.texts(request(arg.model)) do
    local time, sent = now(), tonumber(text) / 1e9
    if fresh then
      fresh = false
      this.started = this.started + 1
      if this.started == count then this.since, this.cpu = time, cpu() end
    end
    if this.since and not this.till then
      this.seen = this.seen + 1
      if sent >= this.since then this.latency[#this.latency + 1] = (time - sent) * 1e6 end
    end
  end
  if this.since and not this.till then
    this.till = now()
    ngx.say(("tokens %d cpu %.3f p50 %.1f p99 %.1f"):format(this.seen,
      (cpu() - this.cpu) * 1e6 / this.seen, quantile(this.latency, 0.5),
      quantile(this.latency, 0.99)))
  end
end

-- `count` calls, `width` at a time.
function jobs.calls(client, arg)
  local left = tonumber(arg.count)
  local function work()
    while left > 0 do
      left = left - 1
      assert(client.chat(request()).usage.total_tokens == 60)
    end
  end
  local threads = {}
  local wall, used = now(), cpu()
  for index = 1, tonumber(arg.width) do threads[index] = ngx.thread.spawn(work) end
  for _, thread in ipairs(threads) do assert(ngx.thread.wait(thread)) end
  local rate, cost = arg.count / (now() - wall), (cpu() - used) * 1e6 / arg.count
  ngx.say(("rate %.1f cpu %.3f"):format(rate, cost))
end

-- A stream that says one word, is silent for some seconds, and says another.
function jobs.wait(client, arg)
  local wall, used
  local waited
  for _ in client.texts(request(arg.model)) do
    if wall then waited = { now() - wall, cpu() - used } end
    wall, used = now(), cpu()
  end
  ngx.say(("seconds %.3f cpu %.3f"):format(waited[1], waited[2] * 1e3 / waited[1] * 5))
end

-- The longest time for which the worker did nothing else while it opened so many connections.
function jobs.cold(client, arg)
  local left, longest, last = tonumber(arg.count), 0, nil
  local threads = {}
  local meter = ngx.thread.spawn(function()
    last = now()
    while left > 0 do
      ngx.sleep(0.001)
      local time = now()
      longest, last = math.max(longest, time - last), time
    end
  end)
  ngx.sleep(0.05)
  longest = 0
  for index = 1, left do
    threads[index] = ngx.thread.spawn(function()
      client.chat(request())
      left = left - 1
    end)
  end
  for _, thread in ipairs(threads) do assert(ngx.thread.wait(thread)) end
  ngx.thread.wait(meter)
  ngx.say(("block %.2f"):format(longest * 1e3))
end

local clients = {}

return function(name, url)
  local arg = ngx.req.get_uri_args()
  local address = url[arg.scheme or "http"]
  clients[address] = clients[address] or require("worker." .. name)(address)
  jobs[ngx.var.uri:sub(2)](clients[address], arg)
end
