--- What differs between the versions of Lua.

return {
  unpack = rawget(_G, "unpack") or table.unpack, -- luacheck: ignore 143
}
