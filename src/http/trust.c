/*
** trust.c
** Chooses the system's CA bundle or CA folder for calls without ca_file.
**
** Debian's libcurl has both. The bundle, one file, is parsed as a whole for
** the first connection, which takes 25 to 39 ms; libcurl caches the result. In
** a folder whose files are named by hashes OpenSSL finds the certificate it
** needs in 1 ms. So a folder with as many certificates as the bundle is used
** alone, because parsing the bundle blocks the event loop. Other TLS libraries
** read all files of a folder: they use the bundle.
*/

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "http.h"


/* "002c0b4f.0": a hash and a number, see openssl-rehash(1) */
static int is_hash (const char *name) {
  int i;
  for (i = 0; i < 8; i++) {
    if (!isxdigit((unsigned char)name[i]))
      return 0;
  }
  return name[8] == '.' && isdigit((unsigned char)name[9]);
}


/* returns the number of readable files named by a hash in the folder */
static int count_hashed (const char *path) {
  DIR *folder = opendir(path);
  const struct dirent *entry;
  int count = 0;
  while (folder != NULL && (entry = readdir(folder)) != NULL)
    count += is_hash(entry->d_name) &&
             faccessat(dirfd(folder), entry->d_name, R_OK, 0) == 0;
  if (folder != NULL)
    closedir(folder);
  return count;
}


/* returns the number of certificates in the bundle; 0 if it can't be read */
static int count_bundled (const char *path) {
  FILE *file = fopen(path, "r");
  char line[100];
  int count = 0;
  while (file != NULL && fgets(line, sizeof(line), file) != NULL)
    count += strncmp(line, "-----BEGIN ", 11) == 0;
  if (file != NULL)
    fclose(file);
  return count;
}


/*
** Does the folder have as many certificates as the bundle? It does not if
** certificates were added to the bundle only, or if the folder was copied
** without the targets of its links; a file of several certificates has no
** hash.
*/
static int is_equivalent (const char *folder, const char *bundle) {
  int count = folder != NULL ? count_hashed(folder) : 0;
  return count > 0 && (bundle == NULL || count_bundled(bundle) == count);
}


/* does the TLS library find certificates by hash? */
static int uses_hashes (void) {
  static const char *const names[] = {
    "OpenSSL", "LibreSSL", "BoringSSL", "quictls", "AWS-LC"
  };
  const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;
  size_t i;
  for (i = 0; library != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
    if (strncmp(library, names[i], strlen(names[i])) == 0)
      return 1;
  }
  return 0;
}


/* records libcurl's default CA file and folder, from its first handle */
static void find_defaults (NvPool *p, void *easy) {
#if LIBCURL_VERSION_NUM >= 0x075400	/* 7.84 */
  char *path = NULL;
  curl_easy_getinfo(easy, CURLINFO_CAINFO, &path);
  if (path != NULL && access(path, R_OK) == 0)
    p->ca_file = path;
  path = NULL;
  curl_easy_getinfo(easy, CURLINFO_CAPATH, &path);
  if (uses_hashes() && is_equivalent(path, p->ca_file))
    p->ca_path = path;
#else
  (void)p; (void)easy;
#endif
}


/*
** Sets the certificates to trust for a server, or for a proxy: file or folder,
** or both. A folder disables libcurl's cache of parsed files, so none is set
** beside a bundle unless the call asks for it.
*/
static CURLcode set (CURL *easy, CURLoption file_option, const char *file,
                     CURLoption path_option, const char *path,
                     const NvPool *p) {
  CURLcode code = CURLE_OK;
  int alone = file == NULL && p->ca_path != NULL &&
              (path == NULL || strcmp(path, p->ca_path) == 0);
  if (alone)
    path = p->ca_path;
  else if (file == NULL)
    file = p->ca_file;
  if (file != NULL || p->ca_path != NULL)  /* a reused handle may have one */
    code = curl_easy_setopt(easy, file_option, file);
  if (code == CURLE_OK && (file != NULL || path != NULL))
    code = curl_easy_setopt(easy, path_option, path);
  return code;
}


/*
** Some systems name their own bundle in the environment, which is no other
** choice.
*/
static CURLcode set_both (CURL *easy, const NvOptions *o, const NvPool *p) {
  int is_default = o->ca_file_from != NULL && p->ca_file != NULL &&
                   strcmp(o->ca_file, p->ca_file) == 0;
  CURLcode code = set(easy, CURLOPT_CAINFO, is_default ? NULL : o->ca_file,
                      CURLOPT_CAPATH, o->ca_path, p);
  return code ? code : set(easy, CURLOPT_PROXY_CAINFO, o->proxy_ca_file,
                           CURLOPT_PROXY_CAPATH, o->proxy_ca_path, p);
}


/* sets the certificates that a new handle trusts; returns a CURLcode */
int nv_trust_init (void *easy, NvPool *p) {
  static const NvOptions none;
  if (!p->trust_found)
    find_defaults(p, easy);
  p->trust_found = 1;
  return (int)set_both(easy, &none, p);
}


/*
** Sets the certificates to trust for a call; returns a CURLcode. Handles are
** reused: once a call of the pool has certificates of its own, all set theirs.
*/
int nv_trust_set (void *easy, const NvOptions *o, NvPool *p) {
  p->trust_differs |= o->ca_file != NULL || o->ca_path != NULL ||
                      o->proxy_ca_file != NULL || o->proxy_ca_path != NULL;
  return p->trust_differs ? (int)set_both(easy, o, p) : 0;
}


/* are libcurl's defaults known, so that a reused handle can be reset? */
int nv_trust_is_known (const NvPool *p) {
  return p->ca_file != NULL || p->ca_path != NULL;
}
