/*
** response_head.c
** Parses the head of a response line by line: status, Content-Length and
** Content-Type. A response whose end is ambiguous fails.
*/

#include <string.h>
#include <strings.h>

#include "http.h"

#define MAX_ERROR_BODY		(1024 * 1024)


/* starts a response: only the last of several counts */
static void on_status_line (NvTransfer *t, const char *line, size_t length) {
  size_t i = 5;  /* past "HTTP/" */
  nv_buffer_consume(&t->head, nv_buffer_length(&t->head));
  t->pool->multiplexed = line[5] >= '2';
  t->headers_complete = t->not_event_stream = t->is_json = 0;
  t->options.stream = t->wants_stream;  /* an error before it was none */
  t->content_length = -1;
  t->status = 0;
  while (i < length && line[i] != ' ')
    i++;
  for (i++; i < length && line[i] >= '0' && line[i] <= '9'; i++)
    t->status = t->status * 10 + (line[i] - '0');
}


/*
** Fails a response with an invalid Content-Length, or two different ones: its
** end is unknown (RFC 9112, 6.3). libcurl accepts leading digits, and the last
** of several, so that a truncated body could look complete.
*/
static int check_length (NvTransfer *t, const char *value, const char *end) {
  long long n = 0;
  while (value < end && *value >= '0' && *value <= '9' && n < 1000000000000LL)
    n = n * 10 + (*value++ - '0');
  while (value < end && strchr(" \t\r\n", *value) != NULL)
    value++;
  if (value < end || (t->content_length >= 0 && t->content_length != n)) {
    nv_transfer_set_failure(t, "connection", "protocol",
      value < end ? "the response has a Content-Length that is no length"
                  : "the response has two different Content-Length headers");
    return -1;
  }
  t->content_length = n;
  return 0;
}


/* is the media type application/json, or another with +json or /json? */
static int is_json (const char *value, const char *end) {
  const char *stop = value;
  while (stop < end && strchr("; \t\r\n", *stop) == NULL)
    stop++;
  return stop - value > 5 && strncasecmp(stop - 4, "json", 4) == 0 &&
         (stop[-5] == '/' || stop[-5] == '+');
}


/* handles the two headers that matter; -1 if the response fails */
static int read_header (NvTransfer *t, const char *line, size_t length) {
  static const char events[] = "text/event-stream";
  const size_t n = sizeof(events) - 1;
  NvHeader h;
  if (nv_header_parse(line, length, &h) != 0)
    return 0;
  if (nv_header_is(&h, "content-length", 14))
    return check_length(t, h.value, h.value + h.value_length);
  if (nv_header_is(&h, "content-type", 12)) {
    t->not_event_stream = h.value_length < n ||
                          strncasecmp(h.value, events, n) != 0;
    t->is_json = is_json(h.value, h.value + h.value_length);
  }
  return 0;
}


static int is_blank_line (const char *line, size_t length) {
  return length == 0 || line[0] == '\r' || line[0] == '\n';
}


/*
** Ends a header block; -1 if the response fails. Status 101 is not an interim
** response: another protocol follows it (RFC 9110, 15.2.2).
*/
static int end_headers (NvTransfer *t) {
  if (t->status == 101) {
    nv_transfer_set_failure(t, "connection", "protocol",
                      "the server switched protocols unasked (HTTP 101)");
    return -1;
  }
  if (t->status < 200)
    return 0;  /* interim: the final response follows */
  t->headers_complete = 1;
  if (t->status >= 300)
    t->options.stream = 0;  /* an error body, read as a whole */
  if (t->status >= 300)
    t->body.ceiling = MAX_ERROR_BODY;
  else if (!t->options.stream)
    t->body.ceiling = t->options.max_response_bytes;
  nv_transfer_enter_phase(t, t->options.stream ? "stream" : "body",
                          &t->last_byte_at);
  if (t->options.stream)
    nv_transfer_mark_ready(t);
  return 0;
}


/* parses a line of a header block, or a trailer; -1 if the response fails */
int nv_head_line (NvTransfer *t, const char *line, size_t length) {
  t->header_bytes += length;
  if (t->options.max_header_bytes > 0 &&
      t->header_bytes > t->options.max_header_bytes) {
    nv_transfer_set_failure(t, "response_too_large", "headers",
                      "the headers are larger than max_header_bytes");
    return -1;
  }
  if (length > 5 && memcmp(line, "HTTP/", 5) == 0)
    on_status_line(t, line, length);
  else if (t->headers_complete)
    return 0;  /* a trailer */
  if (is_blank_line(line, length))
    return end_headers(t);
  if (nv_buffer_append(&t->head, line, length) != 0) {
    nv_transfer_set_failure(t, "memory", NULL, NULL);
    return -1;
  }
  return read_header(t, line, length);
}
