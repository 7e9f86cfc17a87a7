-- novita logs: what was asked and answered.

local core = require("novita.core")

local cli = require("spec.support.cli")

local novita = cli.novita

describe("a conversation of novita chat", function()
  cli.with()

  it("is shown: the last questions, one conversation, or those with a text", function()
    for index = 1, 4 do novita("chat 'question " .. index .. "'") end
    novita("chat -c '100% \"sure\"'")
    local function asked(words)
      local list = {}
      for line in novita("logs --json " .. words).out:gmatch("[^\n]+") do
        list[#list + 1] = core.decode(line).prompt
      end
      return list
    end
    assert.are.same({ "question 3", "question 4", '100% "sure"' }, asked(""))
    assert.are.same({ "question 4", '100% "sure"' }, asked("-n 2"))
    assert.are.same({ "question 4", '100% "sure"' }, asked("-c"))
    assert.are.same({ "question 2" }, asked("--conversation 2"))
    assert.are.same({ "question 1", "question 2", "question 3", "question 4" }, asked("-q QUEST"))
    assert.are.same({ '100% "sure"' }, asked("-q '0% \"s'"))
    assert.are.same({}, asked("-q 'n%1'"))
    assert.are.same({}, asked("-q _"))
    assert.are.same({ status = 0, out = "", err = "no exchange was found\n" }, novita("logs -q _"))
    local shown = novita("logs -n 1").out
    assert.is_truthy(shown:find("^%d+%-%d%d%-%d%d %d%d:%d%d  conversation 4  simulator/echo  "
      .. "%d+ tokens in, %d+ out\n> 100%% \"sure\"\n100%% \"sure\"\n\n$"), shown)
    assert.are.equal(2, novita("logs -n 0").status)
    assert.are.equal(2, novita("logs --conversation 9").status)
  end)
end)
