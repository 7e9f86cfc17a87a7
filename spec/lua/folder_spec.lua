-- core.mkdir.

describe("core.mkdir", function()
  local core = require("novita.core")

  it("makes a folder and those above it, for their owner only", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert.is_true(core.mkdir(folder .. "/a//b/"))
    local pipe = assert(io.popen(("stat -c %%a %s %s/a %s/a/b")
      :format(folder, folder, folder)))
    assert.are.equal("700\n700\n700\n", pipe:read("*a"))
    pipe:close()
  end)

  it("is content with a folder that is there", function()
    for _, path in ipairs { "/", "/tmp", "/tmp/", "spec", "./spec/lua" } do
      assert.is_true(core.mkdir(path), path)
    end
  end)

  it("says what failed", function()
    for path, said in pairs {
      ["Makefile"] = "Not a directory", ["Makefile/a"] = "Not a directory",
      [""] = "No such file or directory", [("a/"):rep(3000)] = "File name too long",
      ["/proc/none"] = "No such file or directory",
    } do
      assert.are.same({ nil, said }, { core.mkdir(path) })
    end
  end)
end)
