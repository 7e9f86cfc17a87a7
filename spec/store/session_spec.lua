-- The session of a store: one task's at a time, tried again, and closed for good.

local novita = require("novita")
local support = require("spec.support.stores")

for _, engine in ipairs(support.engines) do
  describe("a store by " .. engine.name, function()
    local store

    setup(engine.setup)
    before_each(function() store = engine.open() end)
    after_each(engine.clear)

    it("runs a function again that another was in the way of, whether it returns that or raises",
      function()
        local runs = 0
        for _, fail in ipairs { function(err) return nil, err end, error } do
          local failed
          assert(store:transaction(function()
            runs = runs + 1
            assert(support.put(store, "run " .. runs, ""))
            if failed then return true end
            failed = require("novita.core").error { kind = "store", reason = "serialization",
              message = "made up" }
            return fail(failed)
          end))
        end
        assert.are.same({ 4, 3 }, { runs, support.count(store) })
      end)

    it("is one task's while that has a transaction, even a cancelled one's", function()
      local order = {}
      local first = novita.spawn(function()
        return store:transaction(function()
          order[#order + 1] = "begin"
          require("novita.loop").here().sleep(0.03)
          order[#order + 1] = "end"
          return support.put(store, "a", "1")
        end)
      end)
      local second = novita.spawn(function()
        local rows = assert(store:query("select count(*) from meta"))
        order[#order + 1] = rows[1][1]
      end)
      second:cancel()
      assert(first:wait())
      second:wait()
      assert.are.same({ "begin", "end", 2 }, order)
    end)

    it("is closed for good", function()
      local lock = assert(store:lock("run"))
      store:close()
      store:close()
      lock:release()
      assert.has_error(function() store:query("select 1") end)
      assert.has_error(function() store:transaction(print) end)
      assert.has_error(function() store:lock("run") end)
    end)
  end)
end
