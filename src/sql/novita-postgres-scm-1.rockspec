rockspec_format = "3.0"
package = "novita-postgres"
version = "scm-1"

source = { url = "git+file://." } -- from a checkout: luarocks make src/sql/novita-postgres-scm-1.rockspec

description = {
  summary = "novita.postgres: PostgreSQL for novita",
  license = "MIT",
}

dependencies = { "lua >= 5.1, < 5.5", "novita" }

-- pg_config comes in the same package as the headers, which Debian has in a folder of their own.
external_dependencies = { PGSQL = { program = "pg_config" } }

build = {
  type = "builtin",
  modules = {
    ["novita.postgres.core"] = {
      sources = {
        "src/bytes/decimal.c", "src/sql/parameters.c", "src/sql/postgres.c", "src/sql/postgres_error.c",
        "src/sql/result.c", "src/sql/sql.c",
      },
      defines = { "_GNU_SOURCE" },
      incdirs = { "$(PGSQL_INCDIR)", "$(PGSQL_INCDIR)/postgresql" },
      libdirs = { "$(PGSQL_LIBDIR)" },
      libraries = { "pq", "m" },
    },
  },
}
