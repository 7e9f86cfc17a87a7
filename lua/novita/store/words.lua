--- Words in braces that a statement has where the databases differ: {now} and the others below.

local words = {}

local SQLITE = {
  now = "((julianday('now') - 2440587.5) * 86400.0)",
  greatest = "max",
  least = "min",
  for_update = "",
  skip_locked = "",
  serial = "integer primary key",
  number = "integer primary key",
  bytes = "blob",
  unlogged = "",
  clustered = "without rowid", -- rows lie in the index of the primary key
}

local POSTGRES = {
  now = "extract(epoch from clock_timestamp())::double precision",
  greatest = "greatest",
  least = "least",
  for_update = "for update",
  skip_locked = "for update skip locked",
  serial = "bigint generated always as identity primary key",
  number = "bigint primary key",
  bytes = "bytea",
  unlogged = "unlogged",
  clustered = "",
}

-- Statements are few, and used again and again.
local function translator(replacements)
  local known = {}
  return function(sql)
    local text = known[sql]
    if not text and not sql:find("{", 1, true) then return sql end
    if not text then
      text = sql:gsub("{(%l[%l_]*)}", replacements)
      if text ~= sql then known[sql] = text end
    end
    return text
  end
end

--- Writes a statement as SQLite reads it.
---@type fun(sql: string): string
words.sqlite = translator(SQLITE)

--- Writes a statement as PostgreSQL reads it.
---@type fun(sql: string): string
words.postgres = translator(POSTGRES)

return words
