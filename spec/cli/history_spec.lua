-- Conversations that are kept, and shown.

local core = require("novita.core")

local cli = require("spec.support.cli")
local output = require("spec.support.shell").output

local sim, novita = cli.sim, cli.novita

describe("a conversation of novita chat", function()
  cli.with()

  local function last()
    local entries = sim:journal()
    return core.decode(entries[#entries].body)
  end

  it("goes on, with its model and its system prompt", function()
    novita("chat -m simulator/request -s Brief. one")
    novita("chat other")
    novita("chat --conversation 1 two")
    local body = last()
    assert.are.equal("simulator/request", body.model)
    assert.are.same({ "system", "Brief." }, { body.messages[1].role, body.messages[1].content })
    assert.are.same({ "one", "two" }, { body.messages[2].content, body.messages[4].content })
    novita("chat -c -m simulator/echo -s Long. three")
    assert.are.same({ "simulator/echo", 6, "Long." },
      { last().model, #last().messages, last().messages[1].content })
  end)

  it("keeps pictures, and shows where they were", function()
    novita("chat -a https://127.0.0.1/p.png 'What is it?'")
    novita("chat -c 'And now?'")
    local content = last().messages[1].content
    assert.are.same({ "What is it?", "https://127.0.0.1/p.png" },
      { content[1].text, content[2].image_url.url })
    assert.is_truthy(novita("logs -n 2").out:find("\n> What is it?\n> (a picture)\n", 1, true))
  end)

  it("is for its owner only, and has no key in it", function()
    novita("chat one")
    local folder = cli.home.path .. "/.local/share/novita"
    assert.are.equal("700\n600\n",
      output(("stat -c %%a %s %s/conversations.db"):format(folder, folder)))
    assert.are.equal("", output("grep -rl sk_spec " .. cli.home.path))
  end)

  it("stands where XDG_DATA_HOME says", function()
    cli.variables.XDG_DATA_HOME = cli.home.path .. "/data"
    novita("chat one")
    assert.are.equal("conversations.db\n", output("ls " .. cli.home.path .. "/data/novita"))
  end)

  it("is not kept where nobody wants it", function()
    novita("chat -n one")
    novita("config set logs off")
    novita("chat two")
    assert.are.equal("", output("ls " .. cli.home.path .. "/.local 2>/dev/null"))
    novita("config set logs on")
    novita("chat three")
    assert.are.equal(1, select(2, novita("logs").out:gsub("conversation %d", "")))
  end)

  it("does no harm where it can't be kept", function()
    os.execute("mkdir -p " .. cli.home.path .. "/.local/share/novita")
    cli.write(".local/share/novita/conversations.db", ("no database "):rep(100))
    local run = novita("chat one")
    assert.are.same({ 0, "one\n" }, { run.status, run.out })
    assert.is_truthy(run.err:find("^novita: this conversation is not kept: store"), run.err)
    assert.are.equal(2, novita("chat -c two").status)
  end)
end)
