/*
** download.c
** Writes a file that is never partial, such as a response body: first to a
** temporary file in the same folder, which is renamed once it is complete. A
** file that is replaced keeps its mode, unless the new one is private; a link
** to it still leads to it.
*/

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http.h"

#define TRIES	1000	/* to find an unused name */


/* closes and removes the temporary file, if it is open */
void nv_download_drop (NvDownload *d) {
  if (d->descriptor > 0) {
    close(d->descriptor);
    unlink(d->temporary);
  }
  d->descriptor = 0;
}


/* drops the download and frees what it owns */
void nv_download_free (NvDownload *d) {
  nv_download_drop(d);
  free(d->path);
  free(d->target);
  free(d->temporary);
}


/* creates a new file at 'd->temporary'; returns 0 or an errno */
static int create (NvDownload *d, size_t size) {
  int n;
  for (n = 1; n <= TRIES; n++) {
    snprintf(d->temporary, size, "%s.%ld-%d.part", d->target, (long)getpid(),
             n);
    d->descriptor = open(d->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                         d->is_private ? 0600 : 0666);
    if (d->descriptor > 0)
      return 0;
    d->descriptor = 0;
    if (errno != EEXIST)
      return errno;
  }
  return EEXIST;
}


/* gives the new file the mode of the one that it replaces; 0 or an errno */
static int keep_mode (const NvDownload *d) {
  struct stat info;
  if (d->is_private || stat(d->target, &info) != 0)
    return 0;
  return fchmod(d->descriptor, info.st_mode & 07777) == 0 ? 0 : errno;
}


/*
** Opens a download to 'path'; 'd' is zeroed but for 'is_private'. Returns 0 or
** an errno.
*/
int nv_download_open (NvDownload *d, const char *path) {
  size_t size;
  int failed;
  char resolved[PATH_MAX];
  d->path = strdup(path);
  /* a new file has no real path */
  d->target = strdup(realpath(path, resolved) != NULL ? resolved : path);
  if (d->path == NULL || d->target == NULL)
    return ENOMEM;
  size = strlen(d->target) + 40;
  d->temporary = malloc(size);
  if (d->temporary == NULL)
    return ENOMEM;
  failed = create(d, size);
  return failed != 0 ? failed : keep_mode(d);
}


/* writes all of the bytes; returns 0, or -1 with errno */
int nv_write_all (int descriptor, const char *s, size_t n) {
  while (n > 0) {
    ssize_t written = write(descriptor, s, n);
    if (written < 0 && errno != EINTR)
      return -1;
    if (written > 0) {
      s += written;
      n -= (size_t)written;
    }
  }
  return 0;
}


/* writes all of the bytes; on failure sets 'd->error' and returns -1 */
int nv_download_write (NvDownload *d, const char *s, size_t n) {
  if (nv_write_all(d->descriptor, s, n) == 0)
    return 0;
  d->error = errno;
  return -1;
}


/* has the disk hold what was written; 0, or -1 as above */
int nv_download_sync (NvDownload *d) {
  if (fsync(d->descriptor) == 0)
    return 0;
  d->error = errno;
  return -1;
}


/*
** Has the disk hold the new name, too. Not all file systems can: failure
** does not count.
*/
static void sync_name (NvDownload *d) {
  char *slash = strrchr(d->target, '/');
  int folder;
  if (slash != NULL)
    slash[slash == d->target] = '\0';
  folder = open(slash != NULL ? d->target : ".",
                O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
}


/*
** Renames the complete file to its path; 0, or -1 as above. 'durable': the
** disk holds it then.
*/
int nv_download_finish (NvDownload *d, int durable) {
  if (durable && nv_download_sync(d) != 0)
    return -1;
  if (close(d->descriptor) != 0 || rename(d->temporary, d->target) != 0) {
    d->error = errno;
    unlink(d->temporary);
  }
  else if (durable)
    sync_name(d);
  d->descriptor = 0;
  return d->error == 0 ? 0 : -1;
}
