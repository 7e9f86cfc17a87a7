-- Checks that the tree keeps the rules of its style: prints what does not, and fails.
--   lua5.4 spec/style/check.lua [NAME...]     some of: layers mirror names sizes words

package.path = "./?.lua;" .. package.path

local NAMES = { "layers", "mirror", "names", "sizes", "words" }

local count = 0
for _, name in ipairs(#arg > 0 and arg or NAMES) do
  for _, problem in ipairs(require("spec.style." .. name)(".")) do
    io.stderr:write(name, ": ", problem, "\n")
    count = count + 1
  end
end
os.exit(count == 0)
