-- Locks between processes: who holds them, and when they are free again.

local child = require("spec.support.child")
local core = require("novita.core")
local files = require("spec.support.files")
local native = require("spec.support.native")
local output = require("spec.support.shell").output

describe("a lock of novita.sqlite", function()
  local sqlite, dir, path

  setup(function() sqlite = require("novita.sqlite") end)
  before_each(function()
    dir = files.folder()
    path = dir .. "/a b.lock"
  end)

  local function wait_until(condition)
    local limit = core.now() + 10
    while not condition() do
      assert(core.now() < limit, "timed out")
      require("novita.loop.poll").sleep(0.005)
    end
  end

  it("is one byte of a file, for one at a time", function()
    local one, two = assert(sqlite.lock(path, 1)), assert(sqlite.lock(path, 2))
    assert.are.equal("600\n", output("stat -c %a '" .. path .. "'"))
    local none, err = sqlite.lock(path, 1)
    assert.are.same({ "store", "locked", native.pid() }, { not none and err.kind, err.reason,
      err.holder })
    assert.are.same({ native.pid(), native.pid() },
      { sqlite.locked(path, 1), sqlite.locked(path, 2) })
    one:release()
    one:release()
    assert.is_nil(sqlite.locked(path, 1))
    assert.are.equal(native.pid(), sqlite.locked(path, 2))
    assert(sqlite.lock(path, 1)):release()
    two:release()
    assert.are.equal("", output("ls -l /proc/$PPID/fd | grep lock"))
  end)

  it("is the same through every name of the file", function()
    local lock = assert(sqlite.lock(path, 1))
    os.execute(("ln -s '%s' '%s/link' && ln '%s' '%s/name'"):format(path, dir, path, dir))
    assert.are.equal("locked", select(2, sqlite.lock(dir .. "/link", 1)).reason)
    assert.are.equal("locked", select(2, sqlite.lock(dir .. "/name", 1)).reason)
    lock:release()
  end)

  it("knows whether its file was deleted", function()
    local lock = assert(sqlite.lock(path, 7))
    assert.is_false(lock:lost())
    os.remove(path)
    assert.is_true(lock:lost())
    local other = assert(sqlite.lock(path, 7))
    assert.are.same({ true, false }, { lock:lost(), other:lost() })
    lock:release()
    assert.are.same({ false, false }, { lock:lost(), other:lost() })
    assert.is_truthy(sqlite.locked(path, 7))
    other:release()
  end)

  it("is free once nothing refers to it", function()
    assert(sqlite.lock(path, 2 ^ 47))
    if rawget(_G, "jit") then require("jit").flush() end
    collectgarbage()
    collectgarbage()
    assert.is_nil(sqlite.locked(path, 2 ^ 47))
  end)

  it("of another process names it, and is free when that is killed", function()
    local process = child.start(([[
      local lock = assert(require("novita.sqlite").lock(%q, 3))
      while true do require("novita.loop.poll").sleep(1) end]]):format(path))
    wait_until(function() return sqlite.locked(path, 3) end)
    local own = assert(sqlite.lock(path, 4)) -- with a descriptor of its own
    local none, err = sqlite.lock(path, 3)
    assert.are.equal(process.pid, not none and err.holder)
    assert.are.equal(process.pid, sqlite.locked(path, 3))
    native.kill(process.pid, "KILL")
    process:finish()
    assert(sqlite.lock(path, 3)):release()
    own:release()
  end)

  it("stays with the process that forked", function()
    local lock = assert(sqlite.lock(path, 5))
    local pid = native.fork()
    if pid == 0 then
      lock:release()
      local none, err = sqlite.lock(path, 5)
      local free = sqlite.lock(path, 6)
      native.quit(not none and err.holder ~= native.pid() and free and 0 or 1)
    end
    assert.are.same({ "exit", 0 }, { native.wait(pid) })
    assert.are.equal(native.pid(), sqlite.locked(path, 5))
    lock:release()
  end)

  describe("among the Lua states of a process", function()
    local other

    before_each(function() other = native.state() end)
    after_each(function() other:close() end)

    local function there(code)
      return other:run(("local path, sqlite = %q, require('novita.sqlite')\n"):format(path) .. code)
    end
    local function try_there(byte)
      return there(("kept = nil; collectgarbage(); local err; kept, err = sqlite.lock(path, %d) "
        .. "return err and err.reason .. err.holder or 'taken'"):format(byte))
    end
    local function held_for_others(byte) -- as another process sees it
      return (child.run(("print((require('novita.sqlite').locked(%q, %d)))"):format(path, byte)))
    end

    it("is for one of them, which all know", function()
      local lock = assert(sqlite.lock(path, 7))
      assert.are.equal("locked" .. native.pid(), try_there(7))
      assert.are.equal(tostring(native.pid()), there("return tostring(sqlite.locked(path, 7))"))
      lock:release()
      assert.are.equal("taken", try_there(7))
      local none, err = sqlite.lock(path, 7)
      assert.are.same({ "locked", native.pid() }, { not none and err.reason, err.holder })
      other:close()
      assert(sqlite.lock(path, 7)):release()
    end)

    it("stays while another state takes and frees its own, or looks", function()
      local lock = assert(sqlite.lock(path, 7))
      assert.are.equal("taken", try_there(8))
      there("kept:release() sqlite.locked(path, 7) sqlite.locked(path, 9)")
      assert.are.equal(native.pid() .. "\n", held_for_others(7))
      assert.are.equal("nil\n", held_for_others(8))
      other:close()
      assert.are.equal(native.pid() .. "\n", held_for_others(7))
      lock:release()
      assert.are.equal("nil\n", held_for_others(7))
    end)
  end)

  it("can't be where no file can be", function()
    local none, err = sqlite.lock(dir .. "/none/a.lock", 1)
    assert.are.same({ "store", "open" }, { not none and err.kind, err.reason })
    assert.is_nil(sqlite.locked(dir .. "/none/a.lock", 1))
    assert.has_error(function() sqlite.lock(path, -1) end)
    assert.has_error(function() sqlite.lock(path, 0.5) end)
  end)
end)
