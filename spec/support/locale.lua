-- A locale with a decimal comma, made on the spot: machines have none unless somebody asked for it.
--
--   local name, folder = locale.comma()     for setlocale, with LOCPATH=folder
--
-- glibc's localedef is part of every Debian; character sets and sources of locales are not, so it
-- gets its own.

local locale = {}

local FOLDER = "build/locale"
local NAME = "comma"

local NUMERIC = [[
comment_char %
escape_char /
LC_NUMERIC
decimal_point ","
thousands_sep ""
grouping -1
END LC_NUMERIC
]]

local function write(name, text)
  local path = FOLDER .. "/" .. name
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

local function charmap()
  local lines = { "<code_set_name> ASCII", "<comment_char> %", "<escape_char> /", "CHARMAP" }
  for code = 0, 127 do lines[#lines + 1] = ("<U%04X> /x%02x"):format(code, code) end
  lines[#lines + 1] = "END CHARMAP\n"
  return table.concat(lines, "\n")
end

local function is_made()
  local file = io.open(FOLDER .. "/" .. NAME .. "/LC_NUMERIC", "rb")
  if file then file:close() end
  return file ~= nil
end

--- Makes the locale, if it is not there already.
---@return string? name nil where there is no glibc
---@return string folder
function locale.comma()
  if not is_made() then
    os.execute("mkdir -p " .. FOLDER)
    -- it warns about what is missing, and that is on purpose
    os.execute(("localedef -c -f %s -i %s %s/%s >/dev/null 2>&1"):format(
      write("charmap", charmap()), write("numeric", NUMERIC), FOLDER, NAME))
  end
  return is_made() and NAME or nil, FOLDER
end

return locale
