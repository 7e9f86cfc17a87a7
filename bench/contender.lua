-- Runs one client of bench/clients. Ends with an error if an answer is not what bench/server sends.
--
--   contender.lua CLIENT call URL CA WARM COUNT          calls in sequence
--   contender.lua CLIENT stream URL CA WARM COUNT MODEL  streams in sequence
--   contender.lua CLIENT calls URL CA WARM COUNT WIDTH   calls, WIDTH at a time
--   contender.lua CLIENT streams URL CA COUNT MODEL      COUNT streams at a time
--
-- The third is for clients with a method `calls`, the last for those with `map`. Prints what
-- bench/bare.c prints. The CPU time is this process's own, without its children: bench/measure.c
-- tells those.

package.path = arg[0]:match("^(.-)[^/]*$") .. "?.lua;" .. package.path

local monotime = require("cqueues").monotime

local PLAIN_MODEL = "meta-llama/llama-3.3-70b-instruct"

local function quantile(values, q)
  table.sort(values)
  return values[math.floor(q * (#values - 1)) + 1]
end

local function resident_kib()
  local file = assert(io.open("/proc/self/statm"))
  local pages = file:read("*a"):match("^%d+ (%d+)")
  file:close()
  return tonumber(pages) * 4
end

local function checked(reply)
  assert(reply.usage.total_tokens == 60, "unexpected answer")
  return reply
end

-- Runs fn, which makes `count` exchanges, and prints what one of them cost.
local function timed(count, fn)
  local cpu, wall = os.clock(), monotime()
  fn(count)
  print(("cpu %.3f wall %.3f"):format((os.clock() - cpu) * 1e6 / count,
    (monotime() - wall) * 1e6 / count))
end

local function call(client, warm, count)
  local function run(n)
    for _ = 1, n do
      checked(client:chat(PLAIN_MODEL))
    end
  end
  run(warm)
  timed(count, run)
end

local function stream(client, warm, count, model)
  local chunks = tonumber(model:match("chunks%-(%d+)"))
  local first
  local function run(n)
    first = {}
    for i = 1, n do
      local start, texts = monotime(), 0
      for _ in client:texts(model) do
        texts = texts + 1
        if texts == 1 then first[i] = (monotime() - start) * 1e6 end
      end
      assert(texts == chunks, "unexpected stream")
    end
  end
  run(warm)
  timed(count, run)
  print(("first %.1f"):format(quantile(first, 0.5)))
end

local function sequence(count)
  local items = {}
  for i = 1, count do
    items[i] = i
  end
  return items
end

local function calls(client, warm, count, width)
  local function run(n)
    client:calls(n, tonumber(width), PLAIN_MODEL, checked)
  end
  run(warm)
  timed(count, run)
end

-- Costs are counted from when the last stream has started; memory is looked at when half the chunks
-- are there.
local function streams(client, count, model)
  local total = count * tonumber(model:match("chunks%-(%d+)"))
  local latency, started, seen = {}, 0, 0
  local since, cpu, rss
  for _ in client:texts("bench/chunks-2-pace-1") do
    collectgarbage()  -- memory for every run is there now
  end
  local before = resident_kib()
  local function one_stream()
    local fresh = true
    for text in client:texts(model) do
      local time, sent = monotime(), tonumber(text) / 1e9
      seen = seen + 1
      if seen == math.ceil(total / 2) then rss = resident_kib() end
      if fresh then
        fresh = false
        started = started + 1
        if started == count then since, cpu = time, os.clock() end
      end
      if since and sent >= since then latency[#latency + 1] = (time - sent) * 1e6 end
    end
    return true
  end
  client:map(sequence(count), count, one_stream)
  assert(seen == total, "unexpected streams")
  assert(#latency > 0, "the streams ended before all had started")
  print(("chunks %d cpu %.3f p50 %.1f p99 %.1f kib %.2f"):format(#latency,
    (os.clock() - cpu) * 1e6 / #latency, quantile(latency, 0.5), quantile(latency, 0.99),
    (rss - before) / count))
end

local jobs = { call = call, stream = stream, calls = calls, streams = streams }

local client = require("clients." .. arg[1])(arg[3], arg[4])
jobs[arg[2]](client, tonumber(arg[5]), tonumber(arg[6]) or arg[6], arg[7])
