/*
** postgres_error.c
** Maps PostgreSQL's errors to those of all databases, and checks that a
** database can be used.
*/

#include <ctype.h>
#include <string.h>

#include "postgres.h"


/* by SQLSTATE, or by its first two characters, the class */
static const struct {
  const char *state, *reason;
} reasons[] = {
  {"08P01", "sql"},		/* as many parameters as the statement has? */
  {"08", "connection"}, {"57P01", "connection"}, {"57P02", "connection"},
  {"57P03", "connection"},
  {"22", "data"},
  {"23", "constraint"},
  {"3D000", "open"},		/* no such database */
  {"25006", "denied"}, {"28", "denied"}, {"42501", "denied"},
  {"40", "serialization"},
  {"53100", "full"},
  {"53300", "busy"},		/* too many connections */
  {"55P03", "busy"},
  {"58", "io"},
  {"XX001", "corrupt"}, {"XX002", "corrupt"},
  {"", "sql"}
};


static const char *postgres_reason (const char *state) {
  int i = 0;
  while (strncmp(state, reasons[i].state, strlen(reasons[i].state)) != 0)
    i++;
  return reasons[i].reason;
}


/* copies a part of the server's error, or "" */
static void copy_part (char *to, size_t size, const PGresult *result,
                       int part) {
  const char *text = PQresultErrorField(result, part);
  *to = '\0';
  strncat(to, text ? text : "", size - 1);
}


/* joins the lines of a message of libpq's */
void nv_postgres_join_lines (char *text) {
  char *end = text;
  for (; *text != '\0'; text++) {
    int blank = *text == '\n' || *text == '\t' || *text == ' ';
    if (!blank)
      *end++ = *text;
    else if (text[1] != '\0' && strchr("\n\t ", text[1]) == NULL)
      *end++ = ' ';
  }
  *end = '\0';
}


/* libpq reports lack of memory only in its message, or has none for that */
static int is_starved (const char *text) {
  return strstr(text, "emory") != NULL || strstr(text, "no error") != NULL;
}


/*
** Copies why a statement failed; the reason is NULL for lack of memory. An
** error without SQLSTATE is not the server's: the connection is lost, even if
** libpq reports it as good. A lost connection is reported as such, whatever
** error the server sent last.
*/
void nv_postgres_fault (NvSqlFault *f, PGconn *handle,
                        const PGresult *result) {
  nv_sql_fault(f, NULL, "%s", PQerrorMessage(handle));
  copy_part(f->state, sizeof(f->state), result, PG_DIAG_SQLSTATE);
  copy_part(f->constraint, sizeof(f->constraint), result,
            PG_DIAG_CONSTRAINT_NAME);
  if (*f->state != '\0')
    copy_part(f->text, sizeof(f->text), result, PG_DIAG_MESSAGE_PRIMARY);
  nv_postgres_join_lines(f->text);
  if (PQstatus(handle) == CONNECTION_BAD)
    f->reason = "connection";
  else if (*f->state != '\0')
    f->reason = postgres_reason(f->state);
  else if (!is_starved(f->text))
    f->reason = "connection";
}


/* the SQLSTATE in "FATAL:  3D000: ..."; "" if there is none */
static void read_state (char state[6], const char *text) {
  size_t length = 0;
  text += strcspn(text, ":");
  text += strspn(text, ": ");
  while (length < 5 && (isdigit((unsigned char)text[length]) ||
                        isupper((unsigned char)text[length])))
    length++;
  memcpy(state, text, length);
  state[length == 5 && text[length] == ':' ? length : 0] = '\0';
}


/*
** Copies why there is no connection. libpq gives the code of a server that
** refuses one only as a part of verbose messages, so that server is asked
** again: it may let us in then. 0: the connection is made now, or -1.
*/
int nv_postgres_refusal (NvSqlFault *f, PGconn *handle) {
  static const char fatal[] = "FATAL:";
  const char *refusal;
  nv_sql_fault(f, "connection", "%s", PQerrorMessage(handle));
  nv_postgres_join_lines(f->text);
  if (strstr(PQerrorMessage(handle), fatal) == NULL)
    return -1;
  PQsetErrorVerbosity(handle, PQERRORS_VERBOSE);
  PQreset(handle);
  PQsetErrorVerbosity(handle, PQERRORS_DEFAULT);
  if (PQstatus(handle) == CONNECTION_OK)
    return 0;
  refusal = strstr(PQerrorMessage(handle), fatal);
  if (refusal != NULL)
    read_state(f->state, refusal);
  if (*f->state != '\0')
    f->reason = postgres_reason(f->state);
  return -1;
}


NvPostgres *nv_postgres_check (lua_State *L) {
  NvPostgres *db = luaL_checkudata(L, 1, NV_POSTGRES);
  nv_sql_checkusable(L, db->handle, db->pid);
  return db;
}
