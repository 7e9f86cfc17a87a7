-- Files of certificates, good and bad; who makes one removes it.
--
--   local path = files.fifo()              to open it waits for ever
--   files.write(path, files.BROKEN_PEM)
--   local folder = files.hashed(ca_file)   a folder as SSL_CERT_DIR names it

local files = {
  --- What looks like a certificate and is none.
  BROKEN_PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}

--- Makes a file with this text, or gives one a new text.
function files.write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
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
  local folder = os.tmpname()
  os.execute(("rm '%s'; mkdir '%s'; cp '%s' '%s/'$(openssl x509 -hash -noout -in '%s').0")
    :format(folder, folder, certificate, folder, certificate))
  return folder
end

return files
