--- Rows of a query that is too large for memory, read in pages.

local pages = {}

--- Returns a function that gives one row after the other.
---@param read fun(last: integer): novita.Rows?, novita.Error? the next page, in the order of the
---  first column: the rows behind one with this number; 0 for the first page
---@return fun(): novita.Row?, novita.Error? next nil at the end, nil and an error
function pages.rows(read)
  local page, index, last = {}, 0, 0
  return function()
    index = index + 1
    if index > #page then
      local err
      page, err = read(last)
      if not page then return nil, err end
      index = 1
    end
    local row = page[index]
    if row then last = row[1] end
    return row
  end
end

return pages
