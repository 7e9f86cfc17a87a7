--- The tables of a store, and how those of an older version become these. doc/store.md describes
--- them.
--
-- {serial}, {number}, {bytes}, {unlogged} and {clustered} are the words of words.lua.

local core = require("novita.core")
local meta = require("novita.store.meta")
local misuse = require("novita.misuse")

local schema = {}

-- The tables of an empty database.
local TABLES = {
  -- batch/: what is to be done. item is the input as last read; call is what was ever asked.
  [[create table batch (
    n {serial},
    name text not null unique,
    settings text,
    created_at double precision not null)]],
  [[create table item (
    batch bigint not null,
    seq bigint not null,
    id text not null,
    key text,
    line bigint,
    place bigint,
    problem text,
    primary key (batch, seq),
    unique (batch, id)) {clustered}]],
  [[create table call (
    n {serial},
    batch bigint not null,
    id text not null,
    key text not null,
    model text,
    prompt_estimate bigint,
    completion_estimate bigint,
    state text not null default 'waiting' check (
      state = 'waiting' or state = 'sent' or state = 'done' or state = 'failed'),
    owner text,
    lease double precision,
    remote bigint,
    sends bigint not null default 0,
    doubts bigint not null default 0,
    extra bigint not null default 0,
    sent_at double precision,
    ended_at double precision,
    attempts bigint,
    status bigint,
    request_id text,
    prompt_tokens bigint,
    completion_tokens bigint,
    usd double precision,
    error text,
    unique (batch, id, key))]],
  -- The bodies of calls, by their n. Apart, since rows that grow are moved, and all are counted.
  "create table call_request (n {number}, body text)",
  "create table call_answer (n {number}, body {bytes} not null)",
  "create index call_open on call (batch, state, n) where state <> 'done'",
  "create index call_doubts on call (batch) where doubts > 0",
  -- parts of batches at the server's Batch API
  [[create table remote (
    n {serial},
    batch bigint not null,
    name text not null unique,
    model text,
    state text not null check (
      state = 'claimed' or state = 'creating' or state = 'created' or state = 'ended'),
    rows bigint not null,
    file text,
    id text,
    status text,
    completed bigint,
    failed bigint,
    problem text,
    created_at double precision not null,
    ended_at double precision)]],
  "create index remote_open on remote (batch, n) where state <> 'ended'",
  "create index call_remote on call (remote, n) where remote is not null",
  -- limit/: one row a limit that processes share
  [[create {unlogged} table limits (
    key text primary key,
    request_at double precision not null,
    token_at double precision not null,
    token_most double precision not null,
    resume_at double precision not null)]],
  -- workflow/: runs, their steps, and the attempts at each step
  [[create table run (
    n {serial},
    id text not null unique,
    flow text not null,
    status text not null check (
      status = 'queued' or status = 'running' or status = 'paused' or status = 'done'),
    passes bigint not null,
    trigger text,
    result text,
    failed_step text,
    error text,
    parent text,
    created_at double precision not null,
    started_at double precision,
    ended_at double precision)]],
  [[create table step (
    n {serial},
    run text not null,
    name text not null,
    key text not null,
    number bigint not null,
    kind text not null,
    item bigint,
    state text not null check (
      state = 'sent' or state = 'done' or state = 'failed' or state = 'returned'),
    sends bigint not null,
    doubts bigint not null,
    started_at double precision,
    ended_at double precision,
    input text,
    result text,
    error text,
    unique (run, name, key, number))]],
  [[create table attempt (
    n {serial},
    run text not null,
    step bigint not null,
    pass bigint not null,
    number bigint not null,
    state text not null check (
      state = 'sent' or state = 'done' or state = 'failed' or state = 'reused'
      or state = 'lost'),
    started_at double precision not null,
    seconds double precision,
    status bigint,
    request_id text,
    prompt_tokens bigint,
    completion_tokens bigint,
    usd double precision,
    kind text,
    message text)]],
  "create index attempt_run on attempt (run, n)",
  "create index attempt_step on attempt (step, pass, number)",
  -- cli/: conversations of `novita chat`
  [[create table conversation (
    id {serial},
    system_prompt text,
    created_at double precision not null)]],
  [[create table exchange (
    n {serial},
    conversation bigint not null,
    model text not null,
    prompt text not null,
    answer text not null,
    incomplete bigint not null,
    prompt_tokens bigint,
    completion_tokens bigint,
    created_at double precision not null)]],
  "create index exchange_conversation on exchange (conversation, n)",
}

-- UPGRADES[2] turns the tables of version 1 into those of version 2, and so on.
local UPGRADES = {
  [2] = {
    "create table call_request (n {number}, body text)",
    "create table call_answer (n {number}, body {bytes} not null)",
    "insert into call_request select n, request from call where request is not null",
    "insert into call_answer select n, answer from call where answer is not null",
    "alter table call drop column request", -- SQLite has it since 3.35
    "alter table call drop column answer",
  },
}

--- The version that this novita makes and reads.
schema.version = 2

-- Returns the version of what is there; 0 for an empty database.
local function read_version(db)
  local value, err = meta.read(db, "schema")
  if value == nil then return nil, err end
  local number = tonumber(value or 0)
  if number and number >= 0 and number % 1 == 0 and number < 2 ^ 31 then return number end
  return nil, core.error { kind = "store", reason = "corrupt",
    message = ("the version of its schema, %s, is no number"):format(misuse.shown(value)) }
end

local function newer(version)
  return core.error { kind = "store", reason = "version",
    message = ("the store has version %d of the schema, and this novita knows %d: upgrade novita")
      :format(version, schema.version) }
end

local function statement(db, sql)
  local rows, err = db:query(sql)
  return rows and true, err
end

local function run(db, words, statements)
  for _, sql in ipairs(statements) do
    local ok, err = statement(db, words(sql))
    if not ok then return nil, err end
  end
  return true
end

-- Turns the tables of a version, 0 for none, into those of this one.
local function upgrade(db, words, version)
  local ok, err = true, nil
  if version == 0 then
    ok, err = run(db, words, TABLES)
  else
    for number = version + 1, schema.version do
      if ok then ok, err = run(db, words, UPGRADES[number]) end
    end
  end
  if not ok then return nil, err end
  return meta.write(db, "schema", tostring(schema.version))
end

-- In a transaction: makes what is missing.
local function migrate(db, backend)
  if backend.guard then
    local ok, err = statement(db, backend.guard)
    if not ok then return nil, err end
  end
  local ok, err = statement(db, "create table if not exists meta "
    .. "(name text primary key, value text not null)")
  if not ok then return nil, err end
  local version
  version, err = read_version(db)
  if not version then return nil, err end
  if version > schema.version then return nil, newer(version) end
  return upgrade(db, backend.words, version)
end

--- Gives a database the tables of this version, in one transaction; nothing is written where they
--- are there. Several processes may do it at once.
---@param db novita.Database
---@param backend novita.StoreBackend
---@return true? done
---@return novita.Error? err of kind store: version, for the schema of a newer novita
function schema.prepare(db, backend)
  local version = read_version(db)
  if version == schema.version then return true end
  if version and version > schema.version then return nil, newer(version) end
  local ok, err = db:begin()
  if not ok then return nil, err end
  ok, err = migrate(db, backend)
  if ok then ok, err = db:commit() end
  if ok then return true end
  db:rollback()
  return nil, err
end

return schema
