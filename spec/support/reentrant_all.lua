-- What spec/lua/reentrant_all_spec.lua has run by interpreters of their own: every public function,
-- with code inside it that does something else with the same objects.
--
--   all.run(mode, action)     mode: "finalizers" or "hooks" of inside.lua; action: one of ACTIONS

local core = require("novita.core")
local novita = require("novita")

local inside = require("spec.support.inside")
local poll = require("novita.loop.poll")

-- Loaded before anything raises: Lua takes a module whose loading was interrupted for a loop.
local MODULES = [[call client json run.map stream.plain_reply run.background stream template
  template.filters run.conversation run.toolstream]]
for name in MODULES:gmatch("%S+") do
  require("novita." .. name)
end

local all = {}

local URL = os.getenv("SIMULATOR")
local OPTIONS = { base_url = URL, api_key = "sk_spec" }
local ONCE = { base_url = URL, api_key = "sk_spec", retry = "none" }
local SAVED = os.tmpname()
local WAIT = 0.02 -- seconds
local request = { model = "deepseek/deepseek-v3-0324", message = "Hello there" }
local streamed = { model = request.model, message = request.message, stream = true }
local tools = { {
  name = "double", call = function() return novita.chat(request, ONCE):text() end,
} }
local uses = { model = request.model, message = "Use double", tools = tools }
local long = {}
for i = 1, 40 do long["name" .. i] = { "text", i, { more = i / 3 } } end

local function client()
  return novita.new(ONCE)
end

-- Objects of a call, made when they are named; what was made is there for the code inside.
local makers = {
  client = client,
  conversation = function()
    return client():conversation { model = request.model, tools = tools }
  end,
  stream = function() return assert(client():stream(request)) end,
  pool = function() return core.pool() end,
  watch = function() return core.interrupts() end,
  writer = function() return assert(core.writer(SAVED)) end,
  parser = function()
    local parser = core.sse()
    parser:feed("id: 1\nevent: e\ndata: one\n\ndata: two\n\n")
    return parser
  end,
  reply = function() return assert(client():chat(request)) end,
  handle = function() return client():start(request, { on_text = function() end }) end,
  task = function() return novita.spawn(function() return client():chat(request) end) end,
  template = function() return assert(novita.template("Hi {{name}}, {{#list}}{{.}}{{/list}}")) end,
  limiter = function() return novita.limit { rpm = 1000, tpm = 1000000, concurrency = 4 } end,
  err = function() return core.error { kind = "config", message = "wrong", param = "x" } end,
}

function makers.transfer(c)
  local transfer = assert(c.pool:chat(streamed, OPTIONS))
  c.pool:poll(WAIT)
  return transfer
end

function makers.whole(c)
  local transfer = assert(c.pool:chat(request, OPTIONS))
  repeat until c.pool:poll(WAIT) == 0
  return transfer
end

local wait_env = { now = core.now, time = os.time, random = core.random, error = core.error,
  sleep = poll.sleep }

function makers.permit(c)
  return assert(c.limiter:acquire(request, wait_env))
end

local function objects()
  return setmetatable({}, { __index = function(self, name)
    local made = makers[name] and makers[name](self)
    rawset(self, name, made)
    return made
  end })
end

function makers.db()
  local db = assert(require("novita.sqlite").open(":memory:"))
  assert(db:query("CREATE TABLE t (a, b)"))
  return db
end

-- Reads a stream, or what is left of it.
local function read(step)
  for _ = 1, 100 do
    if not step() then return end
  end
end

-- For each public function: the objects it needs, and a call.
all.drivers = {
  ["novita.array"] = function() novita.array { 1, 2 } end,
  ["novita.conversation"] = function() novita.conversation { tools = tools, messages = { {} } } end,
  ["novita.run_tools"] = function() novita.run_tools(uses, ONCE) end,
  ["novita.chat"] = function() novita.chat(request, ONCE) end,
  ["novita.fill"] = function() novita.fill({ a = "{{x}}", b = { "{{x}}" } }, { x = "y" }) end,
  ["novita.image"] = function() novita.image("examples/neovim/screenshot.png") end,
  ["novita.json.decode"] = function() novita.json.decode('{"a":[1,[],{"b":null}],"c":"d"}') end,
  ["novita.json.encode"] = function() novita.json.encode(long) end,
  ["novita.limit"] = function() novita.limit { rpm = 10 } end,
  ["novita.map"] = function()
    novita.map({ 1, 2, 3 }, { model = request.model, message = "{{item}}" }, ONCE)
  end,
  ["novita.models"] = function() novita.models(ONCE) end,
  ["novita.new"] = function() novita.new { retry = { attempts = 2 }, headers = { a = "b" } } end,
  ["novita.request"] = function() novita.request({ path = "/models" }, ONCE) end,
  ["novita.retry"] = function() novita.retry(function() return 1 end, "none")() end,
  ["novita.run"] = function(c) c.client:start(request, {}) novita.run() end,
  ["novita.spawn"] = function() novita.spawn(function() novita.chat(request, ONCE) end) end,
  ["novita.start"] = function() novita.start(request, { on_done = function() end }, ONCE) end,
  ["novita.stream"] = function() novita.stream(request, ONCE) end,
  ["novita.template"] = function() novita.template("{{a}} {{#b}}{{c}}{{/b}}") end,
  ["core.array"] = function() core.array() end,
  ["core.base64"] = function() core.base64(("x"):rep(1000)) end,
  ["core.body"] = function() core.body(request) end,
  ["core.chat"] = function() core.chat(request, OPTIONS) end,
  ["core.decode"] = function() core.decode('{"a":[1618065507111835497,[],{}],"b":"\\ud800"}') end,
  ["core.encode"] = function() core.encode(long) end,
  ["core.error"] = function() tostring(core.error { kind = "config", message = "no" }) end,
  ["core.features"] = function() core.features() end,
  ["core.floats"] = function() core.floats(("AACAPwAAAMAAAIA+"):rep(100)) end,
  ["core.columns"] = function() core.columns(io.stdout) end,
  ["core.mkdir"] = function() core.mkdir("/proc/self/none") end,
  ["core.now"] = function() core.now() end,
  ["core.options"] = function() core.options() end,
  ["core.pool"] = function() core.pool():close() end,
  ["core.http_date"] = function() core.http_date("Sun, 06 Nov 1994 08:49:37 GMT", 0) end,
  ["core.random"] = function() core.random() end,
  ["core.interrupts"] = function() core.interrupts() end,
  ["watch:count"] = function(c) c.watch:count() end,
  ["watch:close"] = function(c) c.watch:close() end,
  ["core.ascii"] = function() core.ascii("text") end,
  ["core.sha256"] = function() core.sha256("a", "b") end,
  ["core.writer"] = function() core.writer(SAVED):close() end,
  ["writer:write"] = function(c) c.writer:write("text") end,
  ["writer:sync"] = function(c) c.writer:sync() end,
  ["writer:finish"] = function(c) c.writer:finish() os.remove(SAVED) end,
  ["writer:close"] = function(c) c.writer:close() end,
  ["core.same_file"] = function() core.same_file(SAVED, SAVED) end,
  ["core.reply"] = function() tostring(core.reply { choices = {} }) end,
  ["core.sse"] = function() core.sse { max_event_bytes = 10 } end,
  ["core.url"] = function() core.url("/models", OPTIONS) end,
  ["client:chat"] = function(c) c.client:chat(request, { on_text = function() end }) end,
  ["client:conversation"] = function(c) c.client:conversation { tools = tools } end,
  ["client:run_tools"] = function(c) c.client:run_tools(uses, { on_text = function() end }) end,
  ["conversation:send"] = function(c) c.conversation:send(uses.message) end,
  ["conversation:stream"] = function(c)
    c.stream = assert(c.conversation:stream(uses.message))
    c.stream:reply()
  end,
  ["conversation:fork"] = function(c) c.conversation:fork() end,
  ["client:map"] = function(c)
    c.client:map({ 1, 2 }, function() return c.client:chat(request) end)
  end,
  ["client:models"] = function(c) c.client:models() end,
  ["client:embeddings"] = function(c)
    c.client:embeddings { model = "baai/bge-m3", input = { "a", "b" } }
  end,
  ["client:rerank"] = function(c)
    c.client:rerank { model = "baai/bge-reranker-v2-m3", query = "a", documents = { "a", "b" } }
  end,
  ["client:completions"] = function(c)
    c.client:completions { model = request.model, prompt = "Hello" }
  end,
  ["client:request"] = function(c)
    c.client:request { path = "/files", files = { file = { bytes = "x" } }, body = { a = "b" } }
    c.client:request { path = "/models", save_to = SAVED, query = { a = 1, b = 2 } }
    os.remove(SAVED)
  end,
  ["client:start"] = function(c) c.client:start(request, { on_text = function() end }) end,
  ["client:stream"] = function(c) c.client:stream(request) end,
  ["stream:next"] = function(c) read(function() return c.stream:next() end) end,
  ["stream:next_text"] = function(c) read(function() return c.stream:next_text() end) end,
  ["stream:text"] = function(c) for _ in c.stream:text() do core.now() end end,
  ["stream:chunks"] = function(c) for _ in c.stream:chunks() do core.now() end end,
  ["stream:reply"] = function(c) c.stream:reply() end,
  ["stream:stop"] = function(c) c.stream:stop() end,
  ["stream:cancel"] = function(c) c.stream:cancel() end,
  ["reply:json"] = function(c) c.reply:json() end,
  ["reply:text"] = function(c) c.reply:text() end,
  ["reply:tool_calls"] = function(c) c.reply:tool_calls() end,
  ["handle:cancel"] = function(c) c.handle:cancel() end,
  ["handle:status"] = function(c) c.handle:status() end,
  ["task:cancel"] = function(c) c.task:cancel() end,
  ["task:abandon"] = function(c) c.task:abandon() end,
  ["task:join"] = function(c) c.task:join() end,
  ["task:wait"] = function(c) c.task:wait() end,
  ["err:is"] = function(c) c.err:is("config") end,
  ["template:render"] = function(c) c.template:render { name = "x", list = { 1, 2 } } end,
  ["template:variables"] = function(c) c.template:variables() end,
  ["parser:feed"] = function(c) c.parser:feed(("data: more\n\n"):rep(50)) end,
  ["parser:next"] = function(c) read(function() return c.parser:next() end) end,
  ["pool:chat"] = function(c) c.pool:chat(streamed, OPTIONS) end,
  ["pool:request"] = function(c) c.pool:request({ path = "/models" }, OPTIONS) end,
  ["pool:poll"] = function(c) core.now(c.transfer) c.pool:poll(WAIT) end,
  ["pool:ready"] = function(c) core.now(c.transfer) c.pool:ready() end,
  ["pool:fd"] = function(c) c.pool:fd() end,
  ["pool:dispatch"] = function(c) core.now(c.transfer) c.pool:dispatch() end,
  ["pool:usable"] = function(c) c.pool:usable() end,
  ["pool:event"] = function(c) c.pool:event() end,
  ["pool:notifier"] = function(c) c.notifier = c.pool:notifier("/tmp") end,
  ["pool:close"] = function(c) core.now(c.transfer) c.pool:close() end,
  ["notifier:close"] = function(c) c.pool:notifier("/tmp"):close() end,
  ["notifier:path"] = function(c) c.pool:notifier("/tmp"):path() end,
  ["notifier:fired"] = function(c) c.pool:notifier("/tmp"):fired() end,
  ["transfer:next"] = function(c)
    read(function() c.pool:poll(0) return c.transfer:next() ~= false end)
  end,
  ["transfer:reply"] = function(c) c.whole:reply() end,
  ["transfer:info"] = function(c) c.whole:info() end,
  ["transfer:progress"] = function(c) c.transfer:progress() end,
  ["transfer:news"] = function(c) c.transfer:news() end,
  ["transfer:slot"] = function(c) c.transfer:slot() end,
  ["transfer:fault"] = function(c) c.whole:fault('{"error":{"message":"no"}}') end,
  ["transfer:unusable"] = function(c) c.whole:unusable("odd", "text") end,
  ["transfer:cancel"] = function(c) c.transfer:cancel() end,
  ["transfer:close"] = function(c) c.transfer:close() end,
  ["limiter:acquire"] = function(c) c.limiter:acquire(request, wait_env) end,
  ["limiter:pause"] = function(c) c.limiter:pause(0) end,
  ["limiter:rest"] = function(c) c.limiter:rest() end,
  ["limiter:serve"] = function(c) c.limiter:serve() end,
  ["permit:correct"] = function(c) c.permit:correct(5) end,
  ["permit:finish"] = function(c) c.permit:finish(c.reply) end,
  ["permit:release"] = function(c) c.permit:release() end,
  ["permit:settle"] = function(c) c.permit:settle(5) end,
  ["db:begin"] = function(c) c.db:begin() end,
  ["db:query"] = function(c)
    c.db:query("INSERT INTO t VALUES ($1, $2)", 1, "text")
    c.db:query("SELECT a, b, 'c' FROM t")
  end,
  ["db:commit"] = function(c) c.db:begin() c.db:commit() end,
  ["db:rollback"] = function(c) c.db:begin() c.db:rollback() end,
  ["db:close"] = function(c) c.db:close() end,
  ["db:moved"] = function(c) c.db:moved() end,
}

-- Those that exist in nginx only, one that waits for a person, those that are called by the ones
-- above, and what is no function.
all.left_out = {
  ["novita.limit.shared"] = true, ["core.cleanup"] = true, ["core.wakeup"] = true,
  ["notifier:start"] = true, ["notifier:rearm"] = true, ["limiter:refused"] = true,
  ["novita.null"] = true, ["novita.version"] = true, ["core.null"] = true,
  ["core.version"] = true, ["core.built_for"] = true, ["core.read_line"] = true,
}
for _, class in ipairs { "wakeup", "event", "cleanup", "files", "batches", "store", "lock", "batch",
  "flow", "run" } do
  all.left_out[class] = true -- files and batches are requests, the others use calls and databases
end
for _, name in ipairs { "store", "batch", "workflow" } do
  all.left_out["novita." .. name], all.left_out["client:" .. name] = true, true
end
for name in pairs(novita.files) do all.left_out["novita.files." .. name] = true end
for name in pairs(novita.batches) do all.left_out["novita.batches." .. name] = true end
for _, name in ipairs { "embeddings", "rerank", "completions" } do
  all.left_out["novita." .. name] = true -- as those of a client
end

-- What the code inside does with the objects that there are, so many times at most.
local function each(c, names, method, ...)
  for _, name in ipairs(names) do
    local object = rawget(c, name)
    if object then pcall(object[method], object, ...) end
  end
end

all.ACTIONS = {
  cancel = { 15, function(c)
    each(c, { "stream", "transfer", "whole", "handle", "task" }, "cancel")
  end },
  close = { 15, function(c)
    each(c, { "transfer", "whole", "pool", "notifier", "db", "writer" }, "close")
    poll.pool():close()
  end },
  chat = { 2, function() client():chat(request, { deadline = 2 }) end },
  next = { 15, function(c)
    each(c, { "stream", "parser" }, "next", 0)
    each(c, { "transfer", "whole" }, "next")
  end },
  encode = { 15, function() assert(core.encode(long)) assert(core.body(request)) end },
  error = { 1, function() error("an error inside", 0) end }, -- once, at a moment by chance
}

-- A hook that raises in the midst of the scheduler's own code (a hook is how Ctrl-C arrives) may
-- strand a task, so what starts tasks is left out there.
local TASKS = { ["novita.run"] = true, ["novita.spawn"] = true, ["novita.start"] = true,
  ["novita.map"] = true, ["client:start"] = true, ["client:map"] = true,
  ["novita.run_tools"] = true, ["client:run_tools"] = true, ["conversation:send"] = true,
  ["conversation:stream"] = true }

local function applies(name, mode, action)
  if mode ~= "hooks" or action ~= "error" then return true end
  return not (TASKS[name] or name:match("^task:") or name:match("^handle:"))
end

local function drive(name, mode, action)
  local c, most, times = objects(), all.ACTIONS[action][1], 0
  local first = most == 1 and math.random(30) or 0
  local body = all.drivers[name]
  -- The objects that the call uses are made before it, without code inside.
  for object in pairs(makers) do
    local class = name:match("^(%w+):")
    local used = object == class or (object == "whole" and class == "transfer")
      or (object == "transfer" and class == "pool")
    if used then core.now(c[object]) end
  end
  pcall(inside[mode], function()
    times = times + 1
    if times < first then return end
    if times - first >= most then return false end
    all.ACTIONS[action][2](c)
  end, function() body(c) end)
  debug.sethook()
  each(c, { "stream", "handle", "task" }, "cancel")
  pcall(novita.run)
end

--- Drives every function; afterwards calls are as good as ever.
function all.run(mode, action)
  for name in pairs(all.drivers) do
    if applies(name, mode, action) then drive(name, mode, action) end
    collectgarbage()
    assert(client():chat(request), name)
  end
end

return all
