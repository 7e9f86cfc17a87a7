--- A picture as a content part of a message: a file or bytes as a data: URL, or a URL as it is.

local core = require("novita.core")
local error_hint = require("novita.error_hint")
local misuse = require("novita.misuse")
local rule = require("novita.rule")

local image = {}

local MAX_BYTES = 10 * 1024 * 1024
local MIB = 1024 * 1024

local RULES = {
  detail = rule.one_of { low = true, high = true, auto = true },
  max_bytes = rule.integer(1),
}

-- Patterns of the first bytes of each type.
local TYPES = {
  { "image/png", "^\137PNG\r\n\26\n" },
  { "image/jpeg", "^\255\216\255" },
  { "image/gif", "^GIF8[79]a" },
  { "image/webp", "^RIFF....WEBP" },
}
local NAMES = "PNG, JPEG, GIF or WebP"

local function type_of(bytes)
  for _, pair in ipairs(TYPES) do
    if bytes:find(pair[2]) then return pair[1] end
  end
end

local function failure(message)
  return nil, error_hint.config_error("image", message)
end

local function too_large(what, size, most)
  return failure(("%s has %.1f MiB, more than max_bytes, which is %.1f MiB"):format(
    what, size / MIB, most / MIB))
end

-- Returns the bytes of a file, or nil and an error. A directory can be opened, but not read; a pipe
-- has no size, and a device may have no end.
local function read(path, most)
  local file, problem = io.open(path, "rb")
  if not file then return failure(problem) end
  local bytes, size
  bytes, problem = file:read(1)
  if bytes then size, problem = file:seek("end") end
  if size and size <= most then
    file:seek("set")
    bytes, problem = file:read(size)
  end
  file:close()
  if not (bytes and size) then return failure(('"%s": %s'):format(path, problem or "is empty")) end
  if size > most then return too_large('"' .. path .. '"', size, most) end
  return bytes
end

local function part(url, detail)
  return { type = "image_url", image_url = { url = url, detail = detail } }
end

-- Returns the bytes of a picture and its name for errors, or nil and an error. Control characters
-- distinguish bytes from a path: every picture has some.
local function load(what, most)
  if what:find("%c") then return what, "the picture" end
  local bytes, err = read(what, most)
  if not bytes then return nil, err end
  return bytes, '"' .. what .. '"'
end

--- Makes a content part of a picture.
---@param what string a path, the bytes of a picture, or an http(s): or data: URL
---@param given? { detail: "low"|"high"|"auto"|nil, max_bytes: integer? }
---@return table? part
---@return novita.Error? err
function image.part(what, given)
  if type(what) ~= "string" then misuse.expected("image", "a path or bytes", what) end
  given = given or {}
  rule.check("image", given, RULES)
  if what:find("^https?://") or what:find("^data:image/") then return part(what, given.detail) end
  local most = given.max_bytes or MAX_BYTES
  local bytes, name = load(what, most)
  if not bytes then return nil, name end
  local kind = type_of(bytes)
  if not kind then return failure(("%s is no %s"):format(name, NAMES)) end
  if #bytes > most then return too_large(name, #bytes, most) end
  return part(("data:%s;base64,%s"):format(kind, core.base64(bytes)), given.detail)
end

return image
