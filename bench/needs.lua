-- Ends with one line when something that the benchmarks stand on is missing.
-- luacheck: std lua54

local MODULES = { ["lua5.4"] = { "socket", "ssl", "cjson" },
  luajit = { "http.client", "socket", "ssl", "cjson" } }

local needs = {}

local function missing_programs(names)
  local missing = {}
  for _, name in ipairs(names) do
    if not os.execute("command -v " .. name .. " >/dev/null") then missing[#missing + 1] = name end
  end
  return missing
end

local function stop_without(missing)
  if #missing == 0 then return end
  table.sort(missing)
  io.stderr:write(arg[0], ": missing: ", table.concat(missing, ", "),
    "; on Debian install all with: make bench-packages\n")
  os.exit(1)
end

--- Ends the bench if one of these programs is missing.
function needs.check(programs)
  stop_without(missing_programs(programs))
end

local missing = missing_programs { "cc", "pkg-config", "curl", "luajit", "nghttpx", "openssl" }
for lua, modules in pairs(MODULES) do
  for _, name in ipairs(modules) do
    if not os.execute(("%s -e 'require \"%s\"' >/dev/null 2>&1"):format(lua, name)) then
      missing[#missing + 1] = ("%s for %s"):format(name, lua)
    end
  end
end
stop_without(missing)

return needs
