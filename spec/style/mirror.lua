--- Every source has a spec under the same path: src/http/pool.c has spec/http/pool_spec.lua, or
--- spec/http/pool_close_spec.lua, where no source is named pool_close. A spec that covers other
--- sources too, which have no behaviour of their own to the outside, names them in a line
---     -- Covers: src/bytes/list.c lua/novita/compat.lua

local tree = require("spec.style.tree")

-- "http/pool" of src/http/pool.c; "loop/uv" of lua/novita/loop/uv.lua
local function stem_of(path)
  return path:match("^src/(.+)%.c$") or path:match("^lua/novita/(.+)%.lua$")
end

local function sources(root)
  local list = tree.files(root, "src", "%.c$")
  for _, path in ipairs(tree.files(root, "lua", "%.lua$")) do
    if not path:find("/meta/") then list[#list + 1] = path end
  end
  return list
end

-- The longest stem of a source that the name of a spec begins with.
local function stem_of_spec(path, stems)
  local name = path:match("^spec/(.+)_spec%.lua$")
  while name and not stems[name] do name = name:match("^(.+)_[^_/]*$") end
  return name
end

local function check_covers(root, path, covered, known, problems)
  for line in ("\n" .. tree.read(root, path)):gmatch("\n%-%- Covers: ([^\n]+)") do
    for source in line:gmatch("%S+") do
      covered[source] = true
      if not known[source] then
        problems[#problems + 1] = ("%s: covers %s, which does not exist"):format(path, source)
      end
    end
  end
end

return function(root)
  local problems, stems, known, covered = {}, {}, {}, {}
  local list = sources(root)
  for _, path in ipairs(list) do stems[stem_of(path)], known[path] = path, true end
  for _, path in ipairs(tree.files(root, "spec", "_spec%.lua$")) do
    local stem = stem_of_spec(path, stems)
    if stem then covered[stems[stem]] = true end
    check_covers(root, path, covered, known, problems)
  end
  for _, path in ipairs(tree.files(root, "spec", "_nvim%.lua$")) do
    check_covers(root, path, covered, known, problems)
  end
  for _, path in ipairs(list) do
    if not covered[path] then
      problems[#problems + 1] = ("%s: no spec: write spec/%s_spec.lua"):format(path, stem_of(path))
    end
  end
  return problems
end
