/*
** parameters.c
** Statements of novita.postgres. Parameters are sent as text whose type the
** server infers, as it does for literals; only blobs have a type, bytea.
*/

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "postgres.h"

#define BYTEA		17	/* the type's number */
#define MOST_GIVEN	65535	/* parameters of a statement */
#define FIRST_GIVEN	3	/* index of a query's first parameter */

/* the arguments of libpq; 'numbers' holds the text of numbers */
typedef struct Parameters {
  int count;
  Oid *types;
  const char **values;
  int *lengths, *formats;
  char (*numbers)[NV_DECIMAL];
} Parameters;


/* pushes the memory of 'count' parameters, the largest alignment first */
static void push_parameters (lua_State *L, Parameters *p, int count) {
  size_t n = (size_t)count;
  char *block = lua_newuserdatauv(L, n * (sizeof(char *) + sizeof(Oid) +
                                  2 * sizeof(int) + NV_DECIMAL) + 1, 0);
  p->count = count;
  p->values = (const char **)(void *)block;
  p->types = (Oid *)(void *)(p->values + n);
  p->lengths = (int *)(p->types + n);
  p->formats = p->lengths + n;
  p->numbers = (char (*)[NV_DECIMAL])(p->formats + n);
}


/* writes a float such that the server reads the same value */
static void write_float (char *text, double x) {
  const char *word = isnan(x) ? "NaN"
                     : isinf(x) ? (x < 0 ? "-Infinity" : "Infinity")
                     : x == 0 && signbit(x) ? "-0" : NULL;
  if (word != NULL)
    snprintf(text, NV_DECIMAL, "%s", word);
  else
    text[nv_decimal_write(text, x)] = '\0';
}


/* sets a parameter; -1 if PostgreSQL has no text with its bytes */
static int set_parameter (Parameters *p, int i, NvSqlValue v) {
  p->types[i] = 0;
  p->formats[i] = 0;
  p->lengths[i] = (int)v.length;
  p->values[i] = p->numbers[i];
  switch (v.type) {
    case NV_SQL_NULL:
      p->values[i] = NULL;
      break;
    case NV_SQL_BOOLEAN:
      p->values[i] = v.integer ? "true" : "false";
      break;
    case NV_SQL_INTEGER:
      p->numbers[i][nv_decimal_integer(p->numbers[i], v.integer)] = '\0';
      break;
    case NV_SQL_FLOAT:
      write_float(p->numbers[i], v.number);
      break;
    case NV_SQL_BLOB:
      p->types[i] = BYTEA;
      p->formats[i] = 1;
      p->values[i] = v.bytes;
      break;
    default:
      p->values[i] = v.bytes;
      return memchr(v.bytes, '\0', v.length) == NULL ? 0 : -1;
  }
  return 0;
}


/* checks the arguments of a statement; returns the number of parameters */
static int check_given (lua_State *L) {
  int i, top = lua_gettop(L);
  for (i = FIRST_GIVEN; i <= top; i++)
    luaL_argcheck(L, nv_sql_value(L, i).length <= INT_MAX, i, "too long");
  luaL_argcheck(L, top - FIRST_GIVEN < MOST_GIVEN, top, "too many parameters");
  return top - FIRST_GIVEN + 1;
}


/* sets all parameters; 0, or -1 with the fault */
static int set_parameters (lua_State *L, Parameters *p, NvSqlFault *f) {
  int i;
  for (i = 0; i < p->count; i++) {
    if (set_parameter(p, i, nv_sql_value(L, FIRST_GIVEN + i)) != 0) {
      nv_sql_fault(f, "data", "parameter %d: the text has a NUL byte; pass "
                   "bytes as blob(bytes)", i + 1);
      snprintf(f->state, sizeof(f->state), "22021");
      return -1;
    }
  }
  return 0;
}


/* did the statement what it says? else there may be a fault of our own */
static int has_succeeded (const PGresult *handle, NvSqlFault *f) {
  ExecStatusType status = PQresultStatus(handle);
  if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
      status == PGRES_COPY_BOTH)
    nv_sql_fault(f, "sql", "COPY is not supported");
  else if (status == PGRES_EMPTY_QUERY)
    nv_sql_fault(f, "sql", "the statement is empty");
  else
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
  return 0;
}


/* db:query(sql, ...) -> rows | nil, error */
int nv_postgres_query (lua_State *L) {
  NvPostgres *db = nv_postgres_check(L);
  NvSqlFault f;
  Parameters p;
  NvResult *r;
  size_t length;
  const char *sql = nv_sql_statement(L, 2, &length);
  int count = check_given(L);
  nv_checkstack(L, 10);
  push_parameters(L, &p, count);
  r = nv_result_new(L);
  nv_postgres_check(L);  /* a finalizer may have closed it */
  if (set_parameters(L, &p, &f) != 0)
    return nv_sql_fail(L, &f);
  r->handle = PQexecParams(db->handle, sql, count, p.types, p.values,
                           p.lengths, p.formats, 0);
  f.reason = NULL;
  if (!has_succeeded(r->handle, &f)) {
    if (f.reason == NULL)
      nv_postgres_fault(&f, db->handle, r->handle);
    nv_result_free(r);
    if (f.reason == NULL)
      return luaL_error(L, "not enough memory");
    return nv_sql_fail(L, &f);
  }
  nv_result_push(L, r);
  nv_result_free(r);
  return 1;
}
