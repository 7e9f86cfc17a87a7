-- Mistakes of the program: each raises, and the message begins with the line that made it.

local novita = require("novita")

local talk = require("spec.support.client")

local client = talk.client()
local function fn() end

-- { what the message says, a function on one line }: the line is that of the function.
local mistakes = {
  { "novita.new(): call it with a point", function() novita:new {} end },
  { "novita.chat(): call it with a point", function() novita:chat {} end },
  { "novita.chat(): call it with a point", function() local r = novita:chat {} return r end },
  { "novita.stream(): call it with a point", function() novita:stream {} end },
  { "novita.start(): call it with a point", function() novita:start({}, {}) end },
  { "novita.map(): call it with a point", function() novita:map({}, fn) end },
  { "novita.models(): call it with a point", function() novita:models() end },
  { "novita.spawn(): call it with a point", function() novita:spawn(fn) end },
  { "novita.run(): call it with a point", function() novita:run() end },
  { "novita.template(): call it with a point", function() novita:template("x") end },
  { "novita.fill(): call it with a point", function() novita:fill({}, {}) end },
  { "novita.retry(): call it with a point", function() novita:retry(fn) end },
  { "novita.limit(): call it with a point", function() novita:limit {} end },
  { "novita.limit.shared(): call it with a point", function() novita.limit:shared("d", {}) end },
  { "novita.array(): call it with a point", function() novita:array {} end },
  { "novita.json.encode(): call it with a point", function() novita.json:encode(1) end },
  { "novita.json.decode(): call it with a point", function() novita.json:decode("1") end },
  { "request: expected a table, got 3", function() novita.chat(3) end },
  { "request: expected a table, got 3", function() novita.stream(3) end },
  { "request: expected a table, got nil", function() client:stream() end },
  { "handlers: expected a table, got nil", function() client:start({}) end },
  { 'handlers.on_txt: unknown handler; did you mean "on_text"?',
    function() novita.start({}, { on_txt = fn }) end },
  { "handlers.deadline: is an option: pass it in the table after the handlers",
    function() novita.start({}, { deadline = 5 }) end },
  { "items: expected a table, got nil", function() novita.map(nil, fn) end },
  { "map: expected a request or a function, got 3", function() client:map({}, 3) end },
  { "spawn: expected a function, got 3", function() novita.spawn(3) end },
  { "spawn: takes one function and no arguments",
    function() novita.spawn(novita.chat, {}) end },
  { "options.on_text: a stream takes no callbacks; chat and start do",
    function() novita.stream({}, { on_text = fn }) end },
  { "template: expected a string, got 3", function() novita.template(3) end },
  { 'template.mising: unknown option; did you mean "missing"?',
    function() novita.fill({}, {}, { mising = "empty" }) end },
  { "retry: expected a function, got 1", function() novita.retry(1) end },
  { 'retry.atempts: unknown option; did you mean "attempts"?',
    function() novita.retry(fn, { atempts = 3 }) end },
  { "limit: expected a table of options, got 3", function() novita.limit(3) end },
  { 'limit.concurency: unknown option; did you mean "concurrency"?',
    function() novita.limit { concurency = 3 } end },
  { "limit.shared: ", function() novita.limit.shared("none", { rpm = 1 }) end },
  { 'limit.shared.burts: unknown option; did you mean "burst"?',
    function() novita.limit.shared("none", { burts = 1 }) end },
  { "retry.max_tries: unknown option; there are attempts, before, factor, ",
    function() novita.new { retry = { max_tries = 1 } } end },
  { "options.timeout: unknown option; there are attempt_timeout, connect_timeout, ",
    function() novita.new { timeout = 1 } end },
  { "options.max_retries: unknown option; there is retry\n",
    function() novita.new { max_retries = 1 } end },
  { "options.speed: unknown option\n", function() novita.new { speed = 1 } end },
  { 'retry.jiter: unknown option; did you mean "jitter"?',
    function() client:chat({}, { retry = { jiter = 1 } }) end },
  { 'limit.rmp: unknown option; did you mean "rpm"?',
    function() client:models { limit = { rmp = 1 } } end },
  { 'options.apikey: unknown option; did you mean "api_key"?',
    function() novita.new { apikey = "sk_secret" } end },
  { 'options.base_ulr: unknown option; did you mean "base_url"?',
    function() novita.models { base_ulr = "x" } end },
  { "options: expected a table, got a string", function() novita.new("sk_secret") end },
  { "limit: expected a limiter or a table of options, got a table",
    function() novita.new { limit = novita.limit } end },
  { "options.loop: expected a loop, got a table",
    function() novita.new { loop = require("novita.loop") } end },
  { "client.deadline: give options to novita.new", function() client.deadline = 5 end },
  { 'items: expected a list, got a table with the key "model"',
    function() novita.map({ model = "m" }, fn) end },
  { 'limiter:pause: expected a number >= 0, got "1"',
    function() novita.limit({ rpm = 1 }):pause("1") end },
  { "limiter:acquire: expected a table with sleep behind what is to be sent, got nil",
    function() novita.limit({ rpm = 1 }):acquire() end },
  { "array: expected a table, got 3", function() novita.array(3) end },
  { "json.decode: expected a string, got 3", function() novita.json.decode(3) end },
}

describe("a mistake blames the line that made it:", function()
  for number, case in ipairs(mistakes) do
    it(("%d, %s"):format(number, case[1]), function()
      local ok, err = pcall(case[2])
      assert.is_false(ok)
      local place = ("misuse_spec.lua:%d: %s"):format(
        debug.getinfo(case[2], "S").linedefined, case[1])
      assert.is_truthy((err .. "\n"):find(place, 1, true), err)
      assert.is_nil(err:find("sk_secret", 1, true))
    end)
  end
end)
