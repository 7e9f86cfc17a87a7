/*
** trusted.c
** Put before libcurl (LD_PRELOAD), has it say that the certificates which it
** trusts by itself are in TRUSTED_FILE and in the folder TRUSTED_PATH.
*/

#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>

#include <curl/curl.h>

#undef curl_easy_getinfo


CURLcode curl_easy_getinfo (CURL *easy, CURLINFO info, ...) {
  CURLcode (*next) (CURL *, CURLINFO, ...);
  va_list list;
  void *to;
  va_start(list, info);
  to = va_arg(list, void *);
  va_end(list);
#if LIBCURL_VERSION_NUM >= 0x075400	/* 7.84 */
  if (info == CURLINFO_CAINFO || info == CURLINFO_CAPATH) {
    *(char **)to = getenv(info == CURLINFO_CAINFO ? "TRUSTED_FILE"
                                                  : "TRUSTED_PATH");
    return CURLE_OK;
  }
#endif
  *(void **)&next = dlsym(dlopen("libcurl.so.4", RTLD_NOW), "curl_easy_getinfo");
  return next(easy, info, to);
}
