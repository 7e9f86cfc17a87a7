-- Prints rows of cells, aligned; the first column to the left. A row of one cell is a heading, and
-- has a line before it.
-- luacheck: std lua54

local function pad(cell, width, left)
  local space = (" "):rep(width - #cell)
  return left and cell .. space or space .. cell
end

return function(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(#row > 1 and row or {}) do
      widths[i] = math.max(widths[i] or 0, #cell)
    end
  end
  print()
  for _, row in ipairs(rows) do
    if #row == 1 then print() end
    local cells = {}
    for i, cell in ipairs(row) do
      cells[i] = pad(cell, #row > 1 and widths[i] or 0, i == 1)
    end
    print((table.concat(cells, "  "):gsub("%s+$", "")))
  end
end
