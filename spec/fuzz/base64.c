/*
** base64.c
** Fuzz target of base64: any bytes are written and read again as they were;
** any text is refused, or is the one that its bytes are written as. Both in
** blocks of exactly their size.
*/

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/bytes/bytes.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);


static void check (int truth) {
  if (!truth)
    abort();
}


/* writes bytes and reads them again, in place */
static void round_trip (const char *bytes, size_t n) {
  size_t length = nv_base64_length(n);
  char *text = malloc(length + 1);
  nv_base64_encode(bytes, n, text);
  check(nv_base64_decode(text, length, text) == (long long)n);
  check(n == 0 || memcmp(text, bytes, n) == 0);
  free(text);
}


static void read_text (const char *text, size_t n) {
  char *bytes = malloc(n / 4 * 3 + 1), *again;
  long long i, count = nv_base64_decode(text, n, bytes);
  for (i = 0; i + 4 <= count; i += 4)
    nv_float32_read(bytes + i);
  if (count >= 0) {
    check(nv_base64_length((size_t)count) == n);
    again = malloc(n + 1);
    nv_base64_encode(bytes, (size_t)count, again);
    check(n == 0 || memcmp(again, text, n) == 0);
    free(again);
  }
  free(bytes);
}


int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  char *copy = malloc(size + 1);
  if (size > 0)
    memcpy(copy, data, size);
  round_trip(copy, size);
  read_text(copy, size);
  free(copy);
  return 0;
}
