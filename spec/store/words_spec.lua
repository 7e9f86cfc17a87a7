-- Words in braces that a statement has where databases differ.

local engines = require("spec.support.stores").engines

for _, engine in ipairs(engines) do
  describe("a store by " .. engine.name, function()
    local store

    setup(engine.setup)
    before_each(function() store = engine.open() end)
    after_each(engine.clear)

    it("runs statements with words that differ between databases", function()
      assert.are.equal(engine.kind, store.kind)
      local now = assert(store:query("select {now} from meta where name = $1", "schema"))[1][1]
      assert.is_true(math.abs(now - os.time()) < 2)
      assert(store:query("select * from call where state = 'waiting' limit 1 {skip_locked}"))
      assert.are.equal("{x}", store:query("select '{x}'")[1][1])
    end)
  end)
end
