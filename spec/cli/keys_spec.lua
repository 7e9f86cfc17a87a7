-- The key of the user: where it is kept, and that it is shown nowhere.

local command = require("spec.support.command")

local output = require("spec.support.shell").output

describe("novita keys", function()
  local home

  before_each(function() home = command.home() end)
  after_each(function() home:remove() end)

  local function kept()
    return output("cat " .. home.path .. "/.config/novita/key 2>/dev/null")
  end

  it("keeps a key from a pipe, in a file that is for its owner only", function()
    local run = home:run("keys set", nil, "  sk_piped \n")
    local path = home.path .. "/.config/novita/key"
    assert.are.same({ status = 0, out = "", err = "The key is in " .. path .. "\n" }, run)
    assert.are.equal("sk_piped\n", kept())
    assert.are.equal("600\n700\n", output(("stat -c %%a %s %s"):format(path, path:match("^.*/"))))
    assert.are.equal(path .. "\n", home:run("keys path").out)
    assert.are.equal('{"path":"' .. path .. '"}\n', home:run("keys path --json").out)
  end)

  it("reads a key from a terminal without echo", function()
    local terminal = home:terminal("keys set")
    terminal:expect("Key (it is not shown): ")
    assert.is_false(terminal:echoes())
    terminal:type("sk_typed\n")
    assert.are.equal(0, terminal:finish())
    assert.is_nil(terminal.shown:find("sk_typed", 1, true))
    assert.are.equal("sk_typed\n", kept())
  end)

  it("keeps nothing after Ctrl-C, and ends with 130", function()
    home:run("keys set", nil, "sk_old")
    local terminal = home:terminal("keys set")
    terminal:expect(": ")
    terminal:type("sk_new\3")
    assert.are.equal(130, terminal:finish())
    assert.are.equal("sk_old\n", kept())
  end)

  it("takes none from the command line, and shows none", function()
    local run = home:run("keys set sk_argument")
    assert.are.same({ 2, "" }, { run.status, run.out })
    assert.is_truthy(run.err:find("never from the command line", 1, true), run.err)
    assert.is_nil(run.err:find("sk_argument", 1, true))
    assert.are.equal("", kept())
  end)

  it("refuses what is no key", function()
    for _, text in ipairs { "", "\n", "two words", "sk_\1", "sk_\195\164" } do
      local run = home:run("keys set", nil, text)
      assert.are.same({ 2, "novita: config: key: expected one word\n" }, { run.status, run.err })
    end
    assert.are.equal("", kept())
  end)
end)
