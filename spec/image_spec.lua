-- Pictures as content parts, by path, by their bytes, and by URL.

local files = require("spec.support.files")
local novita = require("novita")

local PNG = "\137PNG\r\n\26\n\0\0\0\rIHDR"
local BYTES = {
  ["image/png"] = PNG,
  ["image/jpeg"] = "\255\216\255\224\0\16JFIF\0",
  ["image/gif"] = "GIF89a\1\0\1\0\128\0\0",
  ["image/webp"] = "RIFF\26\0\0\0WEBPVP8L",
}

local function file_with(bytes)
  local path = os.tmpname()
  files.write(path, bytes)
  return path
end

local function url_of(...)
  local part = assert(novita.image(...))
  assert.are.equal("image_url", part.type)
  return part.image_url.url
end

local function refusal(...)
  local part, err = novita.image(...)
  assert.is_nil(part)
  assert.are.same({ "config", "image" }, { err.kind, err.param })
  return err.message
end

describe("novita.image", function()
  it("tells the type of bytes from the first of them", function()
    for kind, bytes in pairs(BYTES) do
      assert.are.equal(("data:%s;base64,"):format(kind), url_of(bytes):match("^.-,"))
    end
    assert.are.equal("data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==", url_of(PNG))
  end)

  it("reads a file, whatever it is called", function()
    local path = file_with(BYTES["image/webp"])
    assert.are.equal(url_of(BYTES["image/webp"]), url_of(path))
  end)

  it("takes a URL as it is, and a wish for detail", function()
    for _, url in ipairs { "https://host/a.png", "http://host/a", "data:image/png;base64,AAAA" } do
      assert.are.same({ type = "image_url", image_url = { url = url, detail = "low" } },
        novita.image(url, { detail = "low" }))
    end
  end)

  it("says why it can't", function()
    local text, empty = file_with("no picture at all"), file_with("")
    assert.are.equal(('image: "%s" is no PNG, JPEG, GIF or WebP'):format(text), refusal(text))
    assert.are.equal(('image: "%s": is empty'):format(empty), refusal(empty))
    assert.are.equal("image: the picture is no PNG, JPEG, GIF or WebP", refusal("BM\0\0\0\0"))
    assert.are.equal("image: /no/such.png: No such file or directory", refusal("/no/such.png"))
    assert.are.equal('image: "/tmp": Is a directory', refusal("/tmp"))
  end)

  it("is read from no pipe, and from no device that has no end", function()
    local pipe = files.fifo()
    os.execute(("printf GIF89a >'%s' &"):format(pipe))
    assert.are.equal(('image: "%s": Illegal seek'):format(pipe), refusal(pipe))
    assert.are.equal('image: "/dev/zero" is no PNG, JPEG, GIF or WebP', refusal("/dev/zero"))
  end)

  it("has a ceiling, for files before they are read", function()
    local large = PNG .. ("x"):rep(2 ^ 20)
    local path = file_with(large)
    for _, what in ipairs { large, path } do
      assert.is_truthy(refusal(what, { max_bytes = 2 ^ 20 })
        :find("has 1.0 MiB, more than max_bytes, which is 1.0 MiB", 1, true))
      assert.is_truthy(novita.image(what, { max_bytes = #large }))
    end
    assert.is_truthy(refusal(PNG .. ("x"):rep(10 * 2 ^ 20)):find("which is 10.0 MiB", 1, true))
  end)

  it("raises on misuse", function()
    local wrong = {
      { { 12 }, "image: expected a path or bytes, got 12" },
      { { PNG, { detial = "low" } }, 'image.detial: unknown option; did you mean "detail"?' },
      { { PNG, { detail = "most" } }, 'image.detail: expected one of "auto", "high", "low"' },
      { { PNG, { max_bytes = 0 } }, "image.max_bytes: expected an integer >= 1, got 0" },
      { { novita }, "novita.image(): call it with a point" },
    }
    for _, case in ipairs(wrong) do
      local ok, problem = pcall(novita.image, case[1][1], case[1][2])
      assert.is_false(ok)
      assert.is_truthy(problem:find(case[2], 1, true), problem)
    end
  end)
end)
