--- Databases on a PostgreSQL server (doc/sql.md). Its C module is novita.postgres.core, which is
--- built if libpq is installed.

require("novita.loader")
require("novita.core") -- defines the class of errors

---@type novita.Driver
return require("novita.postgres.core")
