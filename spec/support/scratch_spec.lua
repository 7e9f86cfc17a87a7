local child = require("spec.support.child")
local native = require("spec.support.native")
local shell = require("spec.support.shell")

local FOLDER = os.getenv("TMPDIR")

local function is_there(path)
  return os.rename(path, path) and true or false
end

describe("temporary files", function()
  it("are in the folder of the specs: those of this process and of those that it starts", function()
    local paths = {
      os.tmpname(), child.run("io.write(os.tmpname())"), shell.output("printf %s $(mktemp)"),
    }
    for _, path in ipairs(paths) do
      assert.are.equal(FOLDER .. "/", path:sub(1, #FOLDER + 1))
      assert.is_true(is_there(path), path)
    end
  end)

  for _, how in ipairs { "KILL", "TERM" } do
    it("go with a process that ends by " .. how, function()
      local process = child.start([[
        local scratch = require("spec.support.scratch")
        io.open(os.tmpname() .. ".db-wal", "w"):close()
        print(scratch.folder)
        io.stdout:flush()
        require("spec.support.native").readable(-1, 10)
      ]])
      process:prints(1)
      native.kill(process.pid, how)
      local folder, ended = process:finish()
      folder = folder:match("^[^\n]+")
      assert.are.equal("signal", ended)
      assert.are.equal(FOLDER .. "/", folder:sub(1, #FOLDER + 1))
      for _ = 1, 1000 do
        if not is_there(folder) then return end
        native.readable(-1, 0.01)
      end
      error(folder .. " is still there")
    end)
  end

  it("go when a process says so", function()
    local output = child.run([[
      local scratch = require("spec.support.scratch")
      os.tmpname()
      scratch.remove()
      print(scratch.folder, os.rename(scratch.folder, scratch.folder))
    ]])
    assert.is_truthy(output:find("\tnil\t"), output)
  end)
end)
