-- What a token is here: a run of characters that are no space, with the space before it. Space at
-- the very end belongs to the last token, so tokens always join to the text they came from.
-- luacheck: std lua54

local tokens = {}

--- How many tokens a text has.
function tokens.count(text)
  local _, count = text:gsub("%S+", "")
  return count
end

--- The tokens of a text; a text of nothing but space is one piece, and none has none.
function tokens.split(text)
  local list, last = {}, 0
  for token, stop in text:gmatch("(%s*%S+)()") do
    list[#list + 1] = token
    last = stop - 1
  end
  if last < #text then list[math.max(1, #list)] = (list[#list] or "") .. text:sub(last + 1) end
  return list
end

--- The first `limit` tokens of a text, and whether that left any out.
function tokens.cut(text, limit)
  local seen = 0
  for stop in text:gmatch("%S+()") do
    if seen == limit then break end
    seen = seen + 1
    if seen == limit and text:find("%S", stop) then return text:sub(1, stop - 1), true end
  end
  if limit <= 0 and text:find("%S") then return "", true end
  return text, false
end

return tokens
