-- Rows that are read in pages.

local pages = require("novita.batch.pages")

describe("rows in pages", function()
  -- Numbers of rows up to `count`, three a page; fails behind `fails`.
  local function all(count, fails)
    local list, asked = {}, {}
    local next_row = pages.rows(function(last)
      asked[#asked + 1] = last
      if last == fails then return nil, "failed" end
      local page = {}
      for number = last + 1, math.min(last + 3, count) do page[#page + 1] = { number } end
      return page
    end)
    local row, err = next_row()
    while row do
      list[#list + 1] = row[1]
      row, err = next_row()
    end
    return list, asked, err
  end

  it("come one after the other, to the end", function()
    assert.are.same({ {}, { 0 } }, { all(0) })
    assert.are.same({ { 1, 2 }, { 0, 2 } }, { all(2) })
    assert.are.same({ { 1, 2, 3 }, { 0, 3 } }, { all(3) })
    assert.are.same({ { 1, 2, 3, 4 }, { 0, 3, 4 } }, { all(4) })
  end)

  it("end with the error of a page", function()
    assert.are.same({ { 1, 2, 3 }, { 0, 3 }, "failed" }, { all(9, 3) })
  end)
end)
