-- The page "How it is built" names files that exist.

local read = require("spec.support.files").read

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

describe("doc/internals.md", function()
  local page = read("doc/internals.md")

  it("names files and folders that exist", function()
    local count, missing = 0, {}
    for path in page:gmatch("`([%w_./-]*[/.][%w_./-]+)`") do
      local is_path = path:find("/", 1, true) or path:find("%.rockspec$")
      if is_path and not exists(path) then missing[#missing + 1] = path end
      count = is_path and count + 1 or count
    end
    assert.are.same({}, missing)
    assert.is_true(count > 30)
  end)

  it("has each folder of the sources in its picture", function()
    local picture = page:match("\n```text\n(.-)\n```")
    for _, root in ipairs { "src", "lua/novita" } do
      local pipe = assert(io.popen("cd " .. root .. " && ls -d */"))
      for folder in pipe:lines() do
        local name = folder:gsub("/$", "")
        local shown = picture:find("src/" .. name, 1, true) or picture:find(folder, 1, true)
        local aside = folder == "sql/" or folder == "meta/"
        assert.is_truthy(shown or aside, root .. "/" .. folder)
      end
      pipe:close()
    end
  end)
end)
