-- Tables of a page in doc/, for specs that do what the page says.
--
--   for _, row in ipairs(page.rows("doc/answers.md", "a message")) do
--     row[1].text, row[2].spans[1]        a cell, and the first code span in it
--   end

local page = {}

-- The cells of a line of a table. No cell of ours has a bar in it.
local function cells_of(line)
  local cells = {}
  for cell in line:sub(2):gmatch("%s*(.-)%s*|") do
    local spans = {}
    for fence, text in cell:gmatch("(`+)(.-)%1") do
      if #fence > 1 then text = text:match("^ (.*) $") or text end
      spans[#spans + 1] = text
    end
    cells[#cells + 1] = { text = cell, spans = spans }
  end
  return cells
end

--- The tables of a page: { { head = { "first header", ... }, rows = { { cell, ... }, ... } }, ... }
---@param path string
---@return table[]
function page.tables(path)
  local tables, current = {}, nil
  for line in io.lines(path) do
    if line:sub(1, 1) ~= "|" then
      current = nil
    elseif not current then
      current = { head = {}, rows = {} }
      for index, cell in ipairs(cells_of(line)) do current.head[index] = cell.text end
      tables[#tables + 1] = current
    elseif not line:find("^|%-") then
      current.rows[#current.rows + 1] = cells_of(line)
    end
  end
  return tables
end

--- The text of a span, its \n being ends of lines.
function page.unescape(span)
  return (span:gsub("\\n", "\n"))
end

return page
