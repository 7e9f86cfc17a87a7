-- The journal: what arrived, and what became of it.
-- luacheck: std lua54

local data = require("spec.support.data")

local journal = {}

local methods = {}
local mt = { __name = "simulator.journal", __index = methods }

---@param keep integer how many of the newest entries are kept
function journal.new(keep)
  return setmetatable({ keep = keep, entries = {}, first = 1, last = 0, count = 0 }, mt)
end

--- Opens the record of a request whose head has been read.
function methods:open(con, request, now)
  self.count = self.count + 1
  local entry = {
    number = self.count,
    method = request.method, path = request.path, version = request.version,
    headers = request.headers, header = request.header,
    connection = con.number, request = con.requests, tls = con.tls,
    received = now,
  }
  self.last = self.last + 1
  self.entries[self.last] = entry
  if self.last - self.first >= self.keep then
    self.entries[self.first] = nil
    self.first = self.first + 1
  end
  return entry
end

function methods:reset()
  self.entries, self.first, self.last, self.count = {}, 1, 0, 0
end

--- All entries as text, one a line.
function methods:text()
  local lines = {}
  for index = self.first, self.last do
    lines[#lines + 1] = data.encode(self.entries[index]) .. "\n"
  end
  return table.concat(lines)
end

return journal
