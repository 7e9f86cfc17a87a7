-- Inserts of many rows by one statement, by SQLite and by PostgreSQL.

local bulk = require("novita.batch.bulk")
local stores = require("spec.support.stores")

local MANY = 16 -- the most rows of one statement

local insert_values = bulk.statement(
  "insert into item (batch, seq, id, key) values {values} on conflict do nothing", 4)

-- Inserts rows given as lists.
local function insert(store, list)
  local values = {}
  for index, row in ipairs(list) do
    for column = 1, 4 do values[4 * (index - 1) + column] = row[column] end
  end
  return insert_values(store, values, #list)
end

-- Rows from one number to another, every third without a key.
local function rows(first, last)
  local list = {}
  for seq = first, last do
    list[#list + 1] = { 1, seq, "r" .. seq, seq % 3 > 0 and "key" .. seq or nil }
  end
  return list
end

for _, engine in ipairs(stores.engines) do
  describe("rows inserted into a store by " .. engine.name, function()
    local store

    setup(engine.setup)
    before_each(function() store = engine.open() end)
    after_each(engine.clear)

    for _, count in ipairs { 0, 1, 3, 15, MANY, 17, 39 } do
      it(("are there as given, %d at once"):format(count), function()
        assert.are.equal(count, insert(store, rows(1, count)))
        local found = store:query("select batch, seq, id, key from item order by seq")
        local expected = rows(1, count)
        for index, row in ipairs(expected) do
          local there = found[index]
          assert.are.same(row, { there[1], there[2], there[3], there[4] })
        end
        assert.are.equal(count, #found)
      end)
    end

    it("are counted without those that conflict", function()
      insert(store, rows(3, 5))
      assert.are.equal(MANY - 3, insert(store, rows(1, MANY)))
      assert.are.equal(1, insert(store, rows(MANY - 1, MANY + 1)))
    end)

    it("are nil and the error where the store fails", function()
      assert(store:query("drop table item"))
      for _, count in ipairs { 1, MANY } do
        local changed, err = insert(store, rows(1, count))
        assert.is_nil(changed)
        assert.are.equal("store", err.kind)
      end
    end)
  end)
end
