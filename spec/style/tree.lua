--- The files that the checks of spec/style read, and the functions in them.

local tree = {}

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end
tree.output = lines_of

--- The files below folders of `root` whose names match a pattern, sorted, as paths from `root`.
---@param root string
---@param folders string separated by blanks
---@param pattern string
---@return string[]
function tree.files(root, folders, pattern)
  local found = {}
  for _, path in ipairs(lines_of(("cd '%s' && find %s -type f 2>/dev/null | LC_ALL=C sort")
    :format(root, folders))) do
    if path:find(pattern) then found[#found + 1] = path end
  end
  return found
end

---@return string text
function tree.read(root, path)
  local file = assert(io.open(root .. "/" .. path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

---@return string[] lines
function tree.lines(root, path)
  local lines = {}
  for line in tree.read(root, path):gsub("([^\n])$", "%1\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

--- The functions of a C file: each begins at a line that is not indented and ends with "{".
---@return { name: string, line: integer, length: integer, static: boolean }[]
function tree.c_functions(lines)
  local list, open = {}, nil
  local head
  for number, line in ipairs(lines) do
    if not open and line:find("^[%a_]") and line:find(" %(") then head = number end
    if not open and head and line:find("{$") and not lines[head]:find("[=#]") then
      local text = table.concat(lines, " ", head, number)
      open = { name = text:match("([%w_]+) %("), line = head }
      open.static = text:find("^static ") ~= nil
    elseif open and line == "}" then
      open.length = number - open.line + 1
      list[#list + 1] = open
      open, head = nil, nil
    elseif line == "" or line:find(";$") then
      head = nil
    end
  end
  return list
end

-- Without comments and the contents of strings; the lines stay where they are.
local function bare_lua(text)
  local function blank(part) return (part:gsub("[^\n]", " ")) end
  local out, at = {}, 1
  while true do
    local from = text:find("[%-\"'%[]", at)
    if not from then break end
    out[#out + 1] = text:sub(at, from - 1)
    local level = text:match("^%-%-%[(=*)%[", from) or text:match("^%[(=*)%[", from)
    local stop
    if level then
      stop = select(2, text:find("]" .. level .. "]", from, true)) or #text
    elseif text:find("^%-%-", from) then
      stop = (text:find("\n", from, true) or #text + 1) - 1
    elseif text:find("^[\"']", from) then
      stop = from + 1
      local quote = text:sub(from, from)
      while stop <= #text and text:sub(stop, stop) ~= quote do
        stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      end
    end
    out[#out + 1] = stop and blank(text:sub(from, stop)) or text:sub(from, from)
    at = (stop or from) + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

local OPENS = { ["function"] = true, ["do"] = true, ["then"] = true, ["repeat"] = true }
local CLOSES = { ["end"] = true, ["until"] = true, ["elseif"] = true }

--- The functions of a Lua file, those inside others too.
---@return { line: integer, length: integer }[]
function tree.lua_functions(text)
  local list, stack, number = {}, {}, 1
  for gap, word in bare_lua(text):gmatch("([^%a_]*)([%w_]*)") do
    number = number + select(2, gap:gsub("\n", ""))
    if CLOSES[word] then
      local top = table.remove(stack)
      if top and top.word == "function" then
        list[#list + 1] = { line = top.line, length = number - top.line + 1 }
      end
    elseif OPENS[word] then
      stack[#stack + 1] = { word = word, line = number }
    end
  end
  return list
end

--- Circles of a graph: each strongly connected set of more than one node, sorted.
---@param graph table<string, table<string, any>>
---@return string[][]
function tree.circles(graph)
  local index, low, order, stack, on_stack, found = {}, {}, 0, {}, {}, {}
  local function visit(node)
    order = order + 1
    index[node], low[node] = order, order
    stack[#stack + 1], on_stack[node] = node, true
    for target in pairs(graph[node] or {}) do
      if not index[target] then
        visit(target)
        low[node] = math.min(low[node], low[target])
      elseif on_stack[target] then
        low[node] = math.min(low[node], index[target])
      end
    end
    if low[node] ~= index[node] then return end
    local circle = {}
    repeat
      local member = table.remove(stack)
      on_stack[member] = nil
      circle[#circle + 1] = member
    until member == node
    table.sort(circle)
    if #circle > 1 then found[#found + 1] = circle end
  end
  local nodes = {}
  for node in pairs(graph) do nodes[#nodes + 1] = node end
  table.sort(nodes)
  for _, node in ipairs(nodes) do
    if not index[node] then visit(node) end
  end
  return found
end

return tree
