/*
** transfer_end.c
** Ends transfers: removes them from libcurl, records their failure, and gives
** the easy handle back to the pool.
*/

#include <string.h>

#include <curl/curl.h>

#include "http.h"


/* removes a running transfer from libcurl and from the running list */
static void remove_handle (NvTransfer *t) {
  curl_multi_remove_handle(t->pool->multi, t->easy);
  nv_list_remove(&t->running);
  t->pool->in_flight--;
}


/* sends the RST_STREAM of a transfer aborted on this local port */
static void flush_abort (NvPool *p, int local_port) {
  NvTransfer *paused = nv_abort_flush(p, local_port);
  if (paused != NULL)
    nv_transfer_unpause(paused);
}


/* renames the complete file, or removes it; errno's text on failure */
static void end_download (NvTransfer *t, NvDownload *d) {
  NvFailure *f = &t->failure;
  if (f->kind != NULL || t->status >= 300)
    nv_download_drop(d);
  else if (nv_download_finish(d, 0) != 0)
    nv_transfer_set_failure(t, "config", "save_to", NULL);
  if (d->error != 0)
    strncpy(f->text, strerror(d->error), sizeof(f->text) - 1);
}


/*
** Discards the bytes that libcurl keeps for a paused transfer. libcurl 7.88
** frees them only with the last transfer of a connection: otherwise they leak
** with the easy handle, or the next transfer of the handle receives them. So a
** handle that libcurl has ended already is not used again.
*/
static void discard_kept (NvTransfer *t) {
  t->aborted = 1;  /* on_body discards */
  if (curl_easy_pause(t->easy, CURLPAUSE_CONT) != CURLE_OK)
    t->single_use = 1;
}


/*
** Ends 't' with libcurl's 'curl_code', unless it has a failure of ours
** already, and marks it as ready.
*/
void nv_transfer_finish (NvTransfer *t, int curl_code) {
  NvPool *p = t->pool;
  nv_transfer_read_info(t);
  if (t->failure.kind == NULL && !t->body_truncated) {
    if (curl_code != CURLE_OK)
      nv_curl_error_set(t, curl_code);
    else if (!t->headers_complete)  /* a success to libcurl 7.88 */
      nv_transfer_set_failure(t, "connection", "reset",
                        "the connection closed inside the headers");
  }
  if (t->files != NULL && t->files->download.descriptor > 0)
    end_download(t, &t->files->download);
  t->state = NV_DONE;
  nv_list_remove(&t->scope);
  if (curl_code != CURLE_OK)
    nv_abort_close(t, curl_code);
  if (t->paused)
    discard_kept(t);
  remove_handle(t);
  nv_easy_release(t, p);
  if (t->aborted || curl_code != CURLE_OK)
    flush_abort(p, t->local_port);
  if (t->draining) {
    nv_transfer_clear_ready(t);
    nv_transfer_retire(t);
  }
  else
    nv_transfer_mark_ready(t);
}


/* ends a running transfer with a failure of ours */
void nv_transfer_fail (NvTransfer *t, const char *kind, const char *reason,
                       const char *text) {
  nv_transfer_set_failure(t, kind, reason, text);
  nv_abort_prepare(t);
  nv_transfer_finish(t, CURLE_OK);
}


/* unpauses a stream: libcurl delivers the bytes it holds */
void nv_transfer_unpause (NvTransfer *t) {
  CURLcode code;
  t->paused = 0;
  code = curl_easy_pause(t->easy, CURLPAUSE_CONT);  /* calls on_body */
  if (code != CURLE_OK) {  /* on_body refused the bytes */
    nv_abort_prepare(t);
    nv_transfer_finish(t, (int)code);
  }
  else {
    t->last_byte_at = nv_unpolled_now(t->pool);  /* the pause was ours */
    nv_transfer_update_expiry(t);
  }
}
