-- HTTP/1.1 requests as they arrive: head, then body by Content-Length or in chunks.
-- luacheck: std lua54

local MAX_HEAD = 1024 * 1024
local cqueues = require("cqueues")

local DRIP = 256 * 1024
local MAX_KEPT = 32 * 1024 * 1024 -- of a body; larger ones are only counted

local http = {}

local function parse_head(head)
  local method, path, version = head:match("^(%S+) (%S+) HTTP/(1%.%d)\r\n")
  if not method then return nil end
  local headers, header = {}, {}
  for name, value in head:gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    value = value:gsub("[ \t]+$", "")
    headers[#headers + 1] = { name, value }
    name = name:lower()
    header[name] = header[name] and header[name] .. ", " .. value or value
  end
  return {
    method = method,
    path = path,
    version = version,
    headers = headers,
    header = header,
  }
end

--- Reads one request head. nil when it is not HTTP/1.x.
function http.read_head(con)
  return parse_head(con:take_until("\r\n\r\n", MAX_HEAD))
end

local function read_chunks(con)
  local parts = {}
  while true do
    local line = con:take_until("\r\n", MAX_HEAD)
    local size = tonumber(line:match("^%x+"), 16)
    if size == 0 then break end
    parts[#parts + 1] = con:take(size)
    con:take(2)
  end
  repeat until con:take_until("\r\n", MAX_HEAD) == "\r\n" -- trailers
  return table.concat(parts)
end

--- Reads the body that belongs to a head, after "100 Continue" where the client waits for it.
function http.read_body(con, request)
  local header = request.header
  local chunked = (header["transfer-encoding"] or ""):lower():find("chunked", 1, true)
  local length = tonumber(header["content-length"]) or 0
  if not chunked and length == 0 then return "" end
  if (header.expect or ""):lower() == "100-continue" and con.buffer == "" then
    con:write("HTTP/1.1 100 Continue\r\n\r\n")
  end
  if chunked then return read_chunks(con) end
  if length > MAX_KEPT then return con:skip(length) end
  return con:take(length)
end

--- Reads a body with a length, and waits between its pieces.
function http.drip(con, request, seconds)
  local left = tonumber(request.header["content-length"])
  while left > 0 do
    cqueues.sleep(seconds) -- con:wait would read on
    con:skip(math.min(left, DRIP))
    left = left - DRIP
  end
  return ""
end

--- Whether the client wants the connection kept after this request.
function http.keeps_alive(request)
  local word = (request.header.connection or ""):lower()
  if request.version == "1.0" then return word:find("keep-alive", 1, true) ~= nil end
  return word:find("close", 1, true) == nil
end

local phrases = {
  [200] = "OK", [201] = "Created", [204] = "No Content",
  [301] = "Moved Permanently", [302] = "Found", [303] = "See Other",
  [304] = "Not Modified", [307] = "Temporary Redirect", [308] = "Permanent Redirect",
  [400] = "Bad Request", [401] = "Unauthorized", [402] = "Payment Required",
  [403] = "Forbidden", [404] = "Not Found", [405] = "Method Not Allowed",
  [408] = "Request Timeout", [409] = "Conflict", [413] = "Content Too Large",
  [422] = "Unprocessable Content", [429] = "Too Many Requests",
  [499] = "Client Closed Request", [500] = "Internal Server Error",
  [502] = "Bad Gateway", [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

--- The usual reason phrase of a status.
function http.phrase(status)
  return phrases[status] or "Unknown"
end

return http
