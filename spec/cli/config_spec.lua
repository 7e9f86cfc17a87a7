-- The settings of the user.

local command = require("spec.support.command")

describe("novita config", function()
  local home

  before_each(function() home = command.home() end)
  after_each(function() home:remove() end)

  it("keeps settings, shows them, and forgets them", function()
    assert.are.same({ status = 0, out = "", err = "" }, home:run("config"))
    assert.are.same({ status = 0, out = "", err = "" }, home:run("config set model a/b"))
    assert.are.equal(0, home:run("config set logs off").status)
    assert.are.equal("model\ta/b\nlogs\toff\n", home:run("config").out)
    assert.are.equal('{"logs":"off","model":"a/b"}\n', home:run("config --json").out)
    assert.are.equal('{"logs":"off"}\n', home:run("config set model --json").out)
    assert.are.equal("logs\toff\n", home:run("config").out)
  end)

  it("takes a server that gets the key in secret, or is this machine", function()
    for _, url in ipairs { "https://example.com/v1", "http://localhost/v1", "http://127.0.0.1:80",
      "http://[::1]:8080/v1" } do
      assert.are.equal(0, home:run("config set base_url " .. url).status, url)
    end
  end)

  it("refuses values that can't be", function()
    for words, said in pairs {
      ["config set logs maybe"] = 'novita: config: logs: expected "on" or "off"\n',
      ["config set base_url localhost"] = "novita: config: base_url: expected https://..., or "
        .. "http:// with a host of this machine\n",
      ["config set base_url http://192.0.2.1/v1"] = "novita: config: base_url: expected https://"
        .. "..., or http:// with a host of this machine\n",
    } do
      local run = home:run(words)
      assert.are.same({ 2, said }, { run.status, run.err })
    end
  end)

  it("says which file it can't read", function()
    home:run("config set model a")
    local path = home.path .. "/.config/novita/config.json"
    for text, said in pairs {
      ["{"] = "novita: config: " .. path .. ": ", ["7"] = path .. ": is no object\n",
    } do
      require("spec.support.files").write(path, text)
      local run = home:run("config")
      assert.are.equal(2, run.status)
      assert.is_truthy(run.err:find(said, 1, true), run.err)
    end
  end)
end)
