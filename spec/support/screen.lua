-- What a terminal shows after it has received bytes: enough of one for the command. Knows newlines,
-- carriage returns, colours, "up" and "clear below".

local screen = {}

local function put(self, char)
  local line = self.lines[self.row] or ""
  line = line .. (" "):rep(self.column - 1 - #line)
  self.lines[self.row] = line:sub(1, self.column - 1) .. char .. line:sub(self.column + 1)
  self.column = self.column + 1
end

local function clear_below(self)
  self.lines[self.row] = (self.lines[self.row] or ""):sub(1, self.column - 1)
  for row = #self.lines, self.row + 1, -1 do self.lines[row] = nil end
end

local SEQUENCES = {
  J = clear_below,
  A = function(self, count) self.row = self.row - count end,
  m = function() end,
}

--- The lines that are shown, each with its newline.
---@param bytes string
---@return string
function screen.of(bytes)
  local self, at = { lines = {}, row = 1, column = 1 }, 1
  while at <= #bytes do
    local count, name, after = bytes:match("^\27%[(%d*)(%a)()", at)
    local char = bytes:sub(at, at)
    if name then
      SEQUENCES[name](self, tonumber(count) or 1)
    elseif char == "\n" then
      self.lines[self.row] = self.lines[self.row] or ""
      self.row = self.row + 1
    elseif char == "\r" then
      self.column = 1
    else
      put(self, char)
    end
    at = after or at + 1
  end
  local ended = self.lines[1] and self.column == 1
  return table.concat(self.lines, "\n") .. (ended and "\n" or "")
end

return screen
