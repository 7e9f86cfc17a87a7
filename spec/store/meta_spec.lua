-- The table meta of a store, by SQLite and by PostgreSQL.

local meta = require("novita.store.meta")
local stores = require("spec.support.stores")

for _, engine in ipairs(stores.engines) do
  describe("the table meta of a store by " .. engine.name, function()
    local store

    setup(engine.setup)
    before_each(function() store = engine.open() end)
    after_each(engine.clear)

    it("has values by their names, the last one of each", function()
      assert.is_false(meta.read(store, "a"))
      assert.is_true(meta.write(store, "a", "1"))
      assert.is_true(meta.write(store, "b", ""))
      assert.is_true(meta.write(store, "a", "2"))
      assert.are.same({ "2", "" }, { meta.read(store, "a"), meta.read(store, "b") })
    end)

    it("gives the error of the store", function()
      assert(store:query("drop table meta"))
      for _, value in ipairs { { meta.read(store, "a") }, { meta.write(store, "a", "1") } } do
        assert.is_nil(value[1])
        assert.are.equal("store", value[2].kind)
      end
    end)
  end)
end
