rockspec_format = "3.0"
package = "novita-sqlite"
version = "scm-1"

source = { url = "git+file://." } -- from a checkout: luarocks make src/sql/novita-sqlite-scm-1.rockspec

description = {
  summary = "novita.sqlite: SQLite for novita",
  license = "MIT",
}

dependencies = { "lua >= 5.1, < 5.5", "novita" }

external_dependencies = { SQLITE = { header = "sqlite3.h" } }

build = {
  type = "builtin",
  modules = {
    ["novita.sqlite.core"] = {
      sources = {
        "src/sql/lock.c", "src/sql/sql.c", "src/sql/sqlite.c", "src/sql/sqlite_error.c",
        "src/sql/statement.c",
      },
      defines = { "_GNU_SOURCE" },
      incdirs = { "$(SQLITE_INCDIR)" },
      libdirs = { "$(SQLITE_LIBDIR)" },
      libraries = { "sqlite3", "m" },
    },
  },
}
