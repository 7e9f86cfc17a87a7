--- A static name of C stands in one file: a reader, a debugger and a profile can tell them apart.

local tree = require("spec.style.tree")

-- The names of static functions and data that begin in column 1.
local function static_names(lines)
  local names = {}
  for _, fn in ipairs(tree.c_functions(lines)) do
    if fn.static then names[fn.name] = fn.line end
  end
  for number, line in ipairs(lines) do
    local name = line:match("^static [^=(]-([%w_]+)[%[%]%w]* = ")
    if name then names[name] = number end
  end
  return names
end

return function(root)
  local problems, where = {}, {}
  for _, path in ipairs(tree.files(root, "src", "%.c$")) do
    for name, line in pairs(static_names(tree.lines(root, path))) do
      local place = path .. ":" .. line
      if where[name] then
        problems[#problems + 1] = ("%s: %s is at %s too"):format(place, name, where[name])
      end
      where[name] = where[name] or place
    end
  end
  table.sort(problems)
  return problems
end
