-- core.writer: a file that is complete, or not there. What batches write goes through it: see also
-- spec/batch/output_spec.lua.

local core = require("novita.core")

local child = require("spec.support.child")
local files = require("spec.support.files")

local folder, path

before_each(function()
  folder = files.folder()
  path = folder .. "/out"
end)


describe("a writer", function()
  it("puts the whole file in place of the old one when it is finished", function()
    files.write(path, "old")
    local writer = assert(core.writer(path))
    assert.is_true(writer:write("one\0"))
    assert.is_true(writer:sync())
    assert.is_true(writer:write("two"))
    assert.are.equal("old", files.read(path))
    assert.is_true(writer:finish())
    assert.are.equal("one\0two", files.read(path))
    assert.are.equal("out", files.names(folder))
    for _, method in ipairs { "write", "sync", "finish" } do
      local ok, why = pcall(writer[method], writer, "x")
      assert.is_false(ok)
      assert.is_truthy(why:find("the writer is closed", 1, true))
    end
    writer:close()
  end)

  it("has a file for its owner only if it is private, whatever the old one was", function()
    files.write(path, "old")
    os.execute("chmod 644 '" .. path .. "'")
    local writer = assert(core.writer(path, true))
    writer:write("new")
    local pipe = assert(io.popen("stat -c %a '" .. folder .. "'/*"))
    assert.are.equal("644\n600\n", pipe:read("*a"))
    pipe:close()
    assert(writer:finish())
    pipe = assert(io.popen("stat -c %a '" .. path .. "'"))
    assert.are.equal("600\n", pipe:read("*a"))
    pipe:close()
    assert.are.equal("new", files.read(path))
  end)

  it("leaves nothing where it is closed or forgotten before", function()
    local writer = assert(core.writer(path))
    writer:write("x")
    assert.are.equal(1, select(2, files.names(folder):gsub("out", "")))
    writer:close()
    writer:close()
    assert.are.equal("", files.names(folder))
    writer = assert(core.writer(path))
    writer:write("x")
    writer = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.are.equal("", files.names(folder))
  end)

  it("writes through a link, beside the file that it leads to", function()
    os.execute(("cd '%s' && mkdir far && echo old >far/real && ln -s far/real out"):format(folder))
    local writer = assert(core.writer(path))
    writer:write("new")
    assert.is_true(writer:finish())
    assert.are.equal("new", files.read(folder .. "/far/real"))
    assert.is_truthy(os.execute("test -L '" .. path .. "'"))
    assert.are.equal("far out", files.names(folder))
  end)

  it("is told why not", function()
    for target, why in pairs {
      [""] = "is empty", ["a\0b"] = "has a zero byte in it",
      [folder] = "is a directory, not a file", ["/none/x"] = "No such file or directory",
    } do
      assert.are.same({ nil, why }, { core.writer(target) })
    end
    local writer = assert(core.writer(path))
    os.execute("rm -rf '" .. folder .. "'")
    assert.are.same({ nil, "No such file or directory" }, { writer:finish() })
    assert.has_error(function() core.writer() end)
    assert.has_error(function() core.writer("x").write(12, "x") end)
  end)

  it("is of no use in a child, which leaves the file alone", function()
    local writer = assert(core.writer(path))
    assert.are.equal("the writer is closed", child.fork(function()
      local _, why = pcall(writer.write, writer, "x")
      writer:close()
      return why:match("the writer is closed")
    end))
    assert.is_true(writer:write("x"))
    assert.is_true(writer:finish())
    assert.are.equal("x", files.read(path))
  end)

  it("is known by another name, too", function()
    local other = folder .. "/other"
    files.write(path, "x")
    assert.is_false(core.same_file(path, other))
    assert.is_false(core.same_file(other, other))
    assert.is_true(core.same_file(path, folder .. "/./out"))
    os.execute(("ln -s out '%s' && ln '%s' '%s.hard'"):format(other, path, other))
    assert.is_true(core.same_file(path, other .. ".hard"))
    assert.is_true(core.same_file(path, other))
    files.write(other .. "s", "x")
    assert.is_false(core.same_file(path, other .. "s"))
    assert.has_error(function() core.same_file(path) end)
  end)
end)
