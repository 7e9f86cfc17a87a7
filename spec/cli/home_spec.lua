-- The files of the user: where they are, and who may read them.

local command = require("spec.support.command")

describe("the key of the user", function()
  local home

  before_each(function() home = command.home() end)
  after_each(function() home:remove() end)

  it("stands where XDG_CONFIG_HOME says, if that is a whole path", function()
    assert.are.equal("/etc/xdg/novita/key\n",
      home:run("keys path", { XDG_CONFIG_HOME = "/etc/xdg" }).out)
    assert.are.equal(home.path .. "/.config/novita/key\n",
      home:run("keys path", { XDG_CONFIG_HOME = "etc" }).out)
    local run = home:run("keys path", { HOME = "" })
    assert.are.same({ 2, "novita: config: HOME: is not set, nor XDG_CONFIG_HOME\n" },
      { run.status, run.err })
  end)

  it("says where it can't be kept", function()
    os.execute("touch " .. home.path .. "/.config")
    local run = home:run("keys set", nil, "sk_key")
    local said = ("novita: config: %s/.config/novita: Not a directory\n"):format(home.path)
    assert.are.same({ 2, said }, { run.status, run.err })
  end)
end)
