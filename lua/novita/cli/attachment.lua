--- Attachments of `novita chat -a`: a picture becomes a part of the message, a text is quoted.

local core = require("novita.core")
local error_hint = require("novita.error_hint")
local files = require("novita.cli.files")
local image = require("novita.image")

local attachment = {}

-- A fence that the text does not have inside.
local function fence_for(text)
  local longest = 2
  for ticks in text:gmatch("`+") do longest = math.max(longest, #ticks) end
  return ("`"):rep(longest + 1)
end

local function text_part(path, text)
  local fence = fence_for(text)
  local last = text:sub(-1) == "\n" and "" or "\n"
  return ("%s:\n%s\n%s%s%s"):format(path:match("[^/]+$"), fence, text, last, fence)
end

-- Is this text? What can stand in JSON is UTF-8.
local function is_text(bytes)
  return not bytes:find("%z") and core.encode(bytes) ~= nil
end

--- Makes a content part.
---@param path string a file, or the URL of a picture
---@return table|string|nil part a picture, or a text
---@return novita.Error? err
function attachment.part(path)
  if path:find("^https?://") then return image.part(path) end
  local bytes, err = files.read(path)
  if not bytes then return nil, err end
  if is_text(bytes) then return text_part(path, bytes) end
  local part
  part, err = image.part(path)
  if part then return part end
  return nil, error_hint.config_error("attachment",
    ("%s is neither text nor a picture (%s)"):format(path, err.message))
end

return attachment
