--- Prints the answers of `novita chat`.

local console = require("novita.cli.console")
local prices = require("novita.batch.prices")

local answer = {}

--- The first block of code in a text of Markdown.
---@param text string
---@return string? block nil if there is none
function answer.code_block(text)
  local fence, lines
  for line in (text:gsub("\r\n", "\n") .. "\n"):gmatch("([^\n]*)\n") do
    local ticks, rest = line:match("^%s*(```+)(.*)$")
    if not fence then
      if ticks and not rest:find("`", 1, true) then fence, lines = ticks, {} end
    elseif ticks and #ticks >= #fence and not rest:find("%S") then
      return table.concat(lines)
    else
      lines[#lines + 1] = line .. "\n"
    end
  end
  return lines and table.concat(lines)
end

--- Writes pieces of text as they come.
---@return { add: fun(text: string), finish: fun() } writer finish ends the last line
function answer.writer()
  local last = "\n"
  return {
    add = function(text)
      if text == "" then return end
      console.write(text)
      last = text:sub(-1)
    end,
    finish = function()
      if last ~= "\n" then console.write("\n") end
      last = "\n"
    end,
  }
end

--- Returns the usage of a call as a line.
---@param usage? table of the answer
---@param usd? number
---@return string
function answer.usage(usage, usd)
  if not usage then return "the server did not say what was used" end
  local prompt, completion = prices.tokens(usage)
  local line = ("%s in, %s out"):format(console.count(prompt or 0, "token"), completion or 0)
  return usd and ("%s, %.6f USD"):format(line, usd) or line
end

return answer
