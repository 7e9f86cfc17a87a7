-- Files and folders for specs, certificates among them; see scratch.lua for their end.
--
--   files.write(path, text)    files.read(path)    files.names(folder)
--   local folder = files.folder()
--   local path = files.fifo()              to open it waits for ever
--   local folder = files.hashed(ca_file)   a folder as SSL_CERT_DIR names it

local shell = require("spec.support.shell")

local files = {
  --- What looks like a certificate and is none.
  BROKEN_PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}

--- Makes a file with this text, or gives one a new text.
function files.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- The bytes of a file; nil where there is none.
---@return string? text
function files.read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  return text
end

--- Makes a folder.
---@return string path
function files.folder()
  return shell.line("mktemp -d")
end

--- Makes a folder for a file with this name, which is not made.
---@return string folder, string path
function files.in_folder(name)
  local folder = files.folder()
  return folder, folder .. "/" .. name
end

--- The names in a folder, hidden ones too, with a blank between them.
---@return string names
function files.names(folder)
  return (shell.output("ls -A '" .. folder .. "'"):gsub("\n", " "):gsub(" $", ""))
end

--- Makes a pipe with a name.
---@return string path
function files.fifo()
  local path = os.tmpname()
  os.execute(("rm '%s' && mkfifo '%s'"):format(path, path))
  return path
end

--- Makes a folder in which a certificate is found by the hash of its name.
---@return string folder
function files.hashed(certificate)
  local folder = files.folder()
  os.execute(("cp '%s' '%s/'$(openssl x509 -hash -noout -in '%s').0"):format(certificate, folder,
    certificate))
  return folder
end

return files
