/*
** upload.c
** Multipart forms as request bodies, and the progress of forms and downloads.
** libcurl reads the files while it sends them, and from their start again if
** it has to resend.
*/

#include <curl/curl.h>

#include "http.h"

#define PROGRESS_SECONDS	0.1	/* between two progress reports */


static CURLcode add_field (curl_mime *mime, const NvField *f) {
  curl_mimepart *part = curl_mime_addpart(mime);
  CURLcode code = part ? curl_mime_name(part, f->name) : CURLE_OUT_OF_MEMORY;
  if (code == CURLE_OK && f->path != NULL)
    code = curl_mime_filedata(part, f->path);
  else if (code == CURLE_OK)
    code = curl_mime_data(part, f->bytes, f->length);
  if (code == CURLE_OK && f->filename != NULL)
    code = curl_mime_filename(part, f->filename);
  if (code == CURLE_OK && f->type != NULL)
    code = curl_mime_type(part, f->type);
  return code;
}


/* sets the form of the options as the request body; returns a CURLcode */
int nv_upload_set (NvTransfer *t, const NvOptions *o) {
  CURLcode code = CURLE_OK;
  size_t i;
  curl_mime *form = t->files->form = curl_mime_init(t->easy);
  if (form == NULL)
    return CURLE_OUT_OF_MEMORY;
  for (i = 0; i < o->field_count && code == CURLE_OK; i++)
    code = add_field(form, &o->fields[i]);
  if (code == CURLE_OK)
    code = curl_easy_setopt(t->easy, CURLOPT_MIMEPOST, form);
  return (int)code;
}


/* frees the form, after the easy handle that uses it */
void nv_upload_free (NvTransfer *t) {
  if (t->files == NULL)
    return;
  curl_mime_free(t->files->form);
  t->files->form = NULL;
}


/*
** Records the progress. While bytes are sent, 'sent_at' moves along, so that
** first_byte_timeout begins with the last byte sent.
*/
static int on_progress (void *data, curl_off_t received_total,
                        curl_off_t received, curl_off_t sent_total,
                        curl_off_t sent) {
  NvTransfer *t = data;
  NvFiles *f = t->files;
  int more = sent > f->sent || received > f->received;
  if (sent > f->sent && t->sent_at > 0)
    t->sent_at = t->pool->now;
  f->sent = sent;
  f->sent_total = sent_total;
  f->received = received;
  f->received_total = received_total;
  if (more && t->pool->now - f->reported_at >= PROGRESS_SECONDS) {
    f->reported_at = t->pool->now;
    nv_transfer_mark_ready(t);
  }
  return nv_proxy_refuses(t);
}


/* reports progress of 't'; its handle is then not reused */
void nv_upload_track (NvTransfer *t) {
  t->single_use = 1;
  curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
}
