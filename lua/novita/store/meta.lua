--- The table meta of a store: values by their names.

local meta = {}

--- Writes a value over the former one.
---@param db { query: function } a store or its database
---@param name string
---@param value string
---@return true? done nil on failure
---@return novita.Error? err
function meta.write(db, name, value)
  local rows, err = db:query("insert into meta (name, value) values ($1, $2) "
    .. "on conflict (name) do update set value = excluded.value", name, value)
  return rows and true, err
end

--- Reads a value.
---@param db { query: function }
---@param name string
---@return string|false|nil value false where there is none; nil on failure
---@return novita.Error? err
function meta.read(db, name)
  local rows, err = db:query("select value from meta where name = $1", name)
  if not rows then return nil, err end
  return rows[1] and rows[1][1] or false
end

return meta
