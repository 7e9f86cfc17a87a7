-- Attachments of novita chat.

local cli = require("spec.support.cli")

local chat, last = cli.chat, cli.last

describe("novita chat", function()
  cli.with()

  describe("asks", function()
    it("with texts and pictures that are attached", function()
      cli.write("a.md", "x\n```\ny\n```\n")
      cli.write("b.txt", "no line's end")
      assert.are.equal("Hi\n\na.md:\n````\nx\n```\ny\n```\n````\n\n"
        .. "b.txt:\n```\nno line's end\n```\n", chat("-a a.md -a b.txt Hi").out)
      os.execute("cp examples/neovim/screenshot.png " .. cli.home.path .. "/p.png")
      chat("-a p.png -a https://127.0.0.1/q.jpg -a b.txt Hi")
      local content = last().messages[1].content
      assert.are.same({ type = "text", text = "Hi\n\nb.txt:\n```\nno line's end\n```" }, content[1])
      assert.are.equal("data:image/png;base64,", content[2].image_url.url:sub(1, 22))
      assert.are.equal("https://127.0.0.1/q.jpg", content[3].image_url.url)
      cli.write("c.bin", "\255\0")
      assert.are.equal("novita: config: attachment: c.bin is neither text nor a picture (image: "
        .. '"c.bin" is no PNG, JPEG, GIF or WebP)\n', chat("-a c.bin Hi").err)
    end)
  end)
end)
