--- How long files, functions and lines may be.

local tree = require("spec.style.tree")

local MAX_FUNCTION = 40 -- lines
local MAX_C_FILE, MAX_LUA_FILE = 400, 300
local MAX_C_LINE = 79 -- columns, a tab to the next multiple of 8; luacheck has the limit of Lua

local function check_file(path, lines, most, problems)
  if #lines > most then
    problems[#problems + 1] = ("%s: %d lines, more than %d"):format(path, #lines, most)
  end
end

local function check_functions(path, functions, problems)
  for _, fn in ipairs(functions) do
    if fn.length > MAX_FUNCTION then
      problems[#problems + 1] = ("%s:%d: a function of %d lines, more than %d")
        :format(path, fn.line, fn.length, MAX_FUNCTION)
    end
  end
end

-- Columns of a line in a terminal: a byte of a UTF-8 sequence after its first takes none.
local function width(line)
  local columns = 0
  for char in line:gmatch("[^\128-\191]") do
    columns = columns + (char == "\t" and 8 - columns % 8 or 1)
  end
  return columns
end

local function check_lines(path, lines, problems)
  for number, line in ipairs(lines) do
    if width(line) > MAX_C_LINE then
      problems[#problems + 1] = ("%s:%d: a line of %d columns, more than %d")
        :format(path, number, width(line), MAX_C_LINE)
    end
  end
end

return function(root)
  local problems = {}
  for _, path in ipairs(tree.files(root, "src", "%.[ch]$")) do
    local lines = tree.lines(root, path)
    check_file(path, lines, MAX_C_FILE, problems)
    check_lines(path, lines, problems)
    check_functions(path, tree.c_functions(lines), problems)
  end
  for _, path in ipairs(tree.files(root, "lua", "%.lua$")) do
    check_file(path, tree.lines(root, path), MAX_LUA_FILE, problems)
    check_functions(path, tree.lua_functions(tree.read(root, path)), problems)
  end
  return problems
end
