-- SHA-256: the examples of FIPS 180-4, every length around the blocks, every cut into updates.

local core = require("novita.core")

local EXAMPLES = {
  [""] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq
    = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ["abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
    .. "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"]
    = "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
}

local LENGTHS = { 0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 200 } -- of cut messages

-- The bytes n, n + 7, n + 14 ... of that length.
local function message(n)
  local bytes = {}
  for i = 1, n do bytes[i] = string.char((n + 7 * (i - 1)) % 256) end
  return table.concat(bytes)
end

describe("core.sha256", function()
  it("gives the digests of the standard", function()
    for text, digest in pairs(EXAMPLES) do assert.are.equal(digest, core.sha256(text)) end
    assert.are.equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
      core.sha256(("a"):rep(1000000)))
  end)

  it("gives those of messages of 0 to 200 bytes", function() -- as Python's hashlib
    local digests = {}
    for n = 0, 200 do digests[n + 1] = core.sha256(message(n)) end
    assert.are.equal("de444fd33c2915b23d3772a4de9aa249a9206ee2f93688a74e332e160c085f41",
      core.sha256(table.concat(digests)))
  end)

  it("gives the same however the message is cut", function()
    for _, n in ipairs(LENGTHS) do
      local whole = message(n)
      local digest = core.sha256(whole)
      for cut = 0, n do
        assert.are.equal(digest, core.sha256(whole:sub(1, cut), whole:sub(cut + 1)))
        local middle = math.floor(cut / 2)
        assert.are.equal(digest,
          core.sha256(whole:sub(1, middle), whole:sub(middle + 1, cut), "", whole:sub(cut + 1)))
      end
    end
  end)
end)
