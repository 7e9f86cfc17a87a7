-- The session of a store: one task's at a time, tried again, and closed for good.

local engines = require("spec.support.stores").engines
local novita = require("novita")

for _, engine in ipairs(engines) do
  describe("a store by " .. engine.name, function()
    local store

    setup(engine.setup)
    before_each(function() store = engine.open() end)
    after_each(engine.clear)

    local function count()
      return assert(store:query("select count(*) from meta"))[1][1]
    end

    local function put(name, value)
      return store:query("insert into meta (name, value) values ($1, $2)", name, value)
    end

    it("runs a function again that another was in the way of, whether it returns that or raises",
      function()
        local runs = 0
        for _, fail in ipairs { function(err) return nil, err end, error } do
          local failed
          assert(store:transaction(function()
            runs = runs + 1
            assert(put("run " .. runs, ""))
            if failed then return true end
            failed = require("novita.core").error { kind = "store", reason = "serialization",
              message = "made up" }
            return fail(failed)
          end))
        end
        assert.are.same({ 4, 3 }, { runs, count() })
      end)

    it("is one task's while that has a transaction, even a cancelled one's", function()
      local order = {}
      local first = novita.spawn(function()
        return store:transaction(function()
          order[#order + 1] = "begin"
          require("novita.loop").here().sleep(0.03)
          order[#order + 1] = "end"
          return put("a", "1")
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
