-- The output of the command: data and text for people, at a terminal and elsewhere.

local command = require("spec.support.command")

local output = require("spec.support.child").output

local LUA = os.getenv("NOVITA_LUA") or "lua5.4"

describe("novita", function()
  local home

  before_each(function() home = command.home() end)
  after_each(function() home:remove() end)

  it("does not lose what can't be written", function()
    local said = output(("NOVITA_LUA=%s bin/novita completion bash 2>&1 >/dev/full; echo $?")
      :format(LUA))
    assert.are.equal("novita: standard output: No space left on device\n1\n", said)
  end)

  it("runs without any of the three descriptors", function()
    local template = "HOME=%s NOVITA_LUA=%s bin/novita keys path %s; echo $? >%s/status"
    os.execute(template:format(home.path, LUA, "<&- >&- 2>&-", home.path))
    assert.are.equal("0\n", output("cat " .. home.path .. "/status"))
  end)

  it("colours what it says at a terminal, unless NO_COLOR is set", function()
    for variables, said in pairs {
      [{}] = "\27[31mnovita:\27[0m config: file: ", [{ NO_COLOR = "1" }] = "novita: config: file: ",
      [{ NO_COLOR = "" }] = "\27[31mnovita:\27[0m ", [{ TERM = "dumb" }] = "novita: config: file: ",
    } do
      local terminal = home:terminal("template check none.txt", variables)
      local status = terminal:finish()
      assert.are.same({ 2, said }, { status, terminal.shown:sub(1, #said) })
    end
    assert.are.equal("novita: config: file: none.txt: No such file or directory\n",
      home:run("template check none.txt").err)
  end)

  it("lets no text steer the terminal", function()
    require("spec.support.files").write(home.path .. "/t", "a\27[2Jb\7\194\155c{{x}}\n")
    require("spec.support.files").write(home.path .. "/d", '{"x":"\\u001b]0;title"}')
    local terminal = home:terminal("template check t --data d")
    assert.are.equal(0, terminal:finish())
    assert.are.equal("a[2Jbc]0;title\r\n", terminal.shown)
    assert.are.equal("a\27[2Jb\7\194\155c\27]0;title\n",
      home:run("template check t --data d").out)
  end)
end)
