-- Tables of names and values.

local tables = require("novita.tables")

describe("tables.merged", function()
  it("has the members of all, of the last one where several have a name", function()
    assert.same({ a = 1, b = 3, c = false }, tables.merged({ a = 1, b = 2 }, { b = 3, c = false }))
    assert.same({}, tables.merged())
  end)

  it("makes a new table, and leaves the others as they are", function()
    local first, second = { a = {} }, { b = 1 }
    local whole = tables.merged(first, second)
    assert.equal(first.a, whole.a)
    assert.same({ { a = {} }, { b = 1 } }, { first, second })
    assert.not_equal(first, tables.merged(first))
  end)

  it("are lists if they have a first element, or none at all", function()
    for _, list in ipairs { {}, { 1 }, { false }, { 1, name = 2 } } do
      assert.is_true(tables.is_list(list))
    end
    for _, other in ipairs { { name = 1 }, { [2] = 1 }, "text", 1 } do
      assert.is_false(tables.is_list(other))
    end
    assert.is_false(tables.is_list(nil))
  end)

  it("are dense if their length tells all their elements", function()
    for _, list in ipairs { {}, { 1 }, { false, 2 }, { 1, name = 2 } } do
      assert.is_true(tables.is_dense(list))
    end
    for _, list in ipairs { { 1, nil, 3 }, { [2] = 1 }, { 1, [0] = 2 }, { 1, 2, [1.5] = 3 },
      { 1, nil, 3, [10] = 4 } } do
      assert.is_false(tables.is_dense(list))
    end
  end)
end)
