/*
** request_lines.c
** The header lines of a request and the pairs of its query. Credentials among
** them, and the proxy's password, are redacted wherever a response repeats
** them.
*/

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "http.h"


/*
** Appends a line to a list, which the transfer owns at every step; -1 without
** memory.
*/
static int append_line (void **list, const char *line) {
  struct curl_slist *longer = curl_slist_append(*list, line);
  if (longer == NULL)
    return -1;  /* the list is unchanged */
  *list = longer;
  return 0;
}


/* removes one user of the lines, which may be NULL; the last one frees them */
void nv_lines_drop (NvLines *lines) {
  if (lines == NULL || --lines->users > 0)
    return;
  curl_slist_free_all(lines->list);
  free(lines);
}


/*
** Adds a header line "Name: value" to the request, before it is started. Until
** then the lines are in 'head', which is for those of the response later.
*/
int nv_transfer_add_header (NvTransfer *t, const char *line) {
  return nv_buffer_append(&t->head, line, strlen(line) + 1);
}


/* are these the lines in the buffer, each with its NUL? */
static int has_lines (const NvLines *lines, const NvBuffer *b) {
  const char *at = nv_buffer_data(b), *end = at + nv_buffer_length(b);
  const struct curl_slist *line = lines->list;
  for (; line != NULL && at < end; line = line->next) {
    if (strcmp(at, line->data) != 0)
      return 0;
    at += strlen(at) + 1;
  }
  return line == NULL && at == end;
}


/* returns the lines in the buffer, with one user; NULL without memory */
static NvLines *new_lines (const NvBuffer *b) {
  const char *at = nv_buffer_data(b), *end = at + nv_buffer_length(b);
  NvLines *lines = calloc(1, sizeof(*lines));
  if (lines == NULL)
    return NULL;
  lines->users = 1;
  for (; at < end; at += strlen(at) + 1) {
    if (append_line(&lines->list, at) != 0) {
      nv_lines_drop(lines);
      return NULL;
    }
  }
  return lines;
}


/*
** Completes the header lines of 't'; -1 without memory. Mostly they are those
** of the transfer before, with which it shares them.
*/
int nv_transfer_share_lines (NvTransfer *t) {
  NvPool *p = t->owner;
  if (nv_buffer_length(&t->head) == 0)
    return 0;
  if (p->lines == NULL || !has_lines(p->lines, &t->head)) {
    NvLines *lines = new_lines(&t->head);
    if (lines == NULL)
      return -1;
    nv_lines_drop(p->lines);
    p->lines = lines;
  }
  t->lines = p->lines;
  t->lines->users++;
  nv_buffer_consume(&t->head, nv_buffer_length(&t->head));
  return 0;
}


/* keeps the decoded pairs of the URL's query, for nv_transfer_redact */
int nv_transfer_set_query (NvTransfer *t, const char *url) {
  const char *at = strchr(url, '?');
  int failed = 0;
  while (at != NULL && !failed) {
    size_t length = strcspn(++at, "&#");
    char *pair = curl_easy_unescape(NULL, at, (int)length, NULL);
    failed = pair == NULL || append_line(&t->query, pair) != 0;
    curl_free(pair);
    at = at[length] == '&' ? at + length : NULL;
  }
  return failed ? -1 : 0;
}


/* returns the password in a proxy's URL, from its colon on, or NULL */
static const char *find_password (const char *proxy, size_t *length) {
  const char *end = proxy != NULL ? strrchr(proxy, '@') : NULL;
  const char *user, *colon;
  if (end == NULL)
    return NULL;
  user = strstr(proxy, "://");
  user = user != NULL && user < end ? user + 3 : proxy;
  colon = memchr(user, ':', (size_t)(end - user));
  *length = colon != NULL ? (size_t)(end - colon) : 0;
  return colon;
}


/* keeps the decoded password of the option `proxy`, as a line without name */
int nv_transfer_set_proxy (NvTransfer *t, const char *proxy) {
  size_t length;
  const char *password = find_password(proxy, &length);
  char *line;
  int failed;
  if (password == NULL)
    return 0;
  line = curl_easy_unescape(NULL, password, (int)length, NULL);
  failed = line == NULL || append_line(&t->query, line) != 0;
  curl_free(line);
  return failed ? -1 : 0;
}


/* does a header or parameter of this name hold a credential? */
static int is_secret (const char *name, size_t length) {
  static const char *const words[] = {
    "auth", "cookie", "credential", "key", "pass", "secret", "session", "sig",
    "token", NULL
  };
  size_t i, at;
  if (length == 0)
    return 1;
  for (i = 0; words[i] != NULL; i++) {
    size_t n = strlen(words[i]);
    for (at = 0; at + n <= length; at++) {
      if (strncasecmp(name + at, words[i], n) == 0)
        return 1;
    }
  }
  return 0;
}


/* redacts the credentials among the lines "Name: value" or "name=value" */
static void redact_lines (const struct curl_slist *line, NvBuffer *b) {
  for (; line != NULL; line = line->next) {
    size_t length = strcspn(line->data, ":;=");
    const char *value = line->data + length, *blank;
    if (!is_secret(line->data, length))
      continue;
    value += *value != '\0';
    value += strspn(value, " ");
    nv_buffer_redact(b, value);
    blank = strchr(value, ' ');
    if (blank != NULL)
      nv_buffer_redact(b, blank + 1);
  }
}


/*
** Redacts the passwords of the proxies in libcurl's environment variables.
** Without memory for one, all of 'b' is dropped.
*/
static void redact_proxies (NvBuffer *b) {
  static const char *const names[] = {
    "https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"
  };
  size_t i, length;
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    const char *password = find_password(getenv(names[i]), &length);
    struct curl_slist line = {NULL, NULL};
    if (password == NULL)
      continue;
    line.data = curl_easy_unescape(NULL, password, (int)length, NULL);
    if (line.data != NULL)
      redact_lines(&line, b);
    else
      nv_buffer_consume(b, nv_buffer_length(b));
    curl_free(line.data);
  }
}


/*
** Overwrites the credentials of the request in 'b', so that a response that
** echoes them does not put a key into an error. After a scheme ("Bearer ...")
** the rest of the value counts too.
*/
void nv_transfer_redact (const NvTransfer *t, NvBuffer *b) {
  redact_lines(t->lines != NULL ? t->lines->list : NULL, b);
  redact_lines(t->query, b);
  redact_proxies(b);
}
