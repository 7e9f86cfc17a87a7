-- Attachments of novita chat.

local core = require("novita.core")

local command = require("spec.support.command")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

describe("novita chat", function()
  local sim = simulator.shared()
  local home, variables

  before_each(function()
    home = command.home()
    variables = command.variables(sim)
    sim:reset()
  end)
  after_each(function() home:remove() end)

  local function chat(words, input) return home:run("chat " .. words, variables, input) end

  -- The bodies of the chats that the server was asked.
  local function bodies()
    local list = {}
    for _, entry in ipairs(sim:journal()) do
      if entry.path:find("/chat/completions", 1, true) then
        list[#list + 1] = core.decode(entry.body)
      end
    end
    return list
  end

  local function last() return table.remove(bodies()) end

  describe("asks", function()
    it("with texts and pictures that are attached", function()
      files.write(home.path .. "/a.md", "x\n```\ny\n```\n")
      files.write(home.path .. "/b.txt", "no line's end")
      assert.are.equal("Hi\n\na.md:\n````\nx\n```\ny\n```\n````\n\n"
        .. "b.txt:\n```\nno line's end\n```\n", chat("-a a.md -a b.txt Hi").out)
      os.execute("cp examples/neovim/screenshot.png " .. home.path .. "/p.png")
      chat("-a p.png -a https://127.0.0.1/q.jpg -a b.txt Hi")
      local content = last().messages[1].content
      assert.are.same({ type = "text", text = "Hi\n\nb.txt:\n```\nno line's end\n```" }, content[1])
      assert.are.equal("data:image/png;base64,", content[2].image_url.url:sub(1, 22))
      assert.are.equal("https://127.0.0.1/q.jpg", content[3].image_url.url)
      files.write(home.path .. "/c.bin", "\255\0")
      assert.are.equal("novita: config: attachment: c.bin is neither text nor a picture (image: "
        .. '"c.bin" is no PNG, JPEG, GIF or WebP)\n', chat("-a c.bin Hi").err)
    end)
  end)
end)
