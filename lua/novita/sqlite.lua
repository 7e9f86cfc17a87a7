--- Databases in an SQLite file (doc/sql.md). Its C module is novita.sqlite.core, which is built if
--- SQLite is installed.

require("novita.loader")
require("novita.core") -- defines the class of errors

---@type novita.Driver
return require("novita.sqlite.core")
