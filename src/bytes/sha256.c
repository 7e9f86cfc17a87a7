/*
** sha256.c
** SHA-256, as FIPS 180-4 defines it; its section numbers stand beside the
** steps.
*/

#include <string.h>

#include "bytes.h"

#define BLOCK		64	/* bytes */
#define LENGTH		8	/* bytes of the length in the last block */

#define rotate(x,n)	(((x) >> (n)) | ((x) << (32 - (n))))

/* the first 32 bits of the fractions of the cube roots of 64 primes (4.2.2) */
static const uint32_t round_constants[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
  0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
  0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
  0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
  0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

/* the same of the square roots of the first eight (5.3.3) */
static const uint32_t initial_state[8] = {
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
  0x1f83d9ab, 0x5be0cd19
};


/* the message schedule of a block (6.2.2, step 1) */
static void schedule (uint32_t w[64], const unsigned char *block) {
  int t;
  for (t = 0; t < 16; t++, block += 4)
    w[t] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
           (uint32_t)block[2] << 8 | block[3];
  for (; t < 64; t++) {
    uint32_t a = w[t - 15], b = w[t - 2];
    w[t] = w[t - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
           w[t - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
  }
}


/* adds a block to the state (6.2.2, steps 2 to 4) */
static void compress (uint32_t state[8], const unsigned char *block) {
  uint32_t w[64];
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  int t;
  schedule(w, block);
  for (t = 0; t < 64; t++) {
    uint32_t first = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                     ((e & f) ^ (~e & g)) + round_constants[t] + w[t];
    uint32_t second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                      ((a & b) ^ (a & c) ^ (b & c));
    h = g; g = f; f = e; e = d + first;
    d = c; c = b; b = a; a = first + second;
  }
  state[0] += a; state[1] += b; state[2] += c; state[3] += d;
  state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}


void nv_sha256_init (NvSha256 *h) {
  memcpy(h->state, initial_state, sizeof(h->state));
  h->length = 0;
}


/* whole blocks are read where they are, the rest waits in 'block' */
void nv_sha256_append (NvSha256 *h, const char *bytes, size_t n) {
  size_t used = (size_t)(h->length % BLOCK);
  h->length += n;
  while (n > 0) {
    size_t part = BLOCK - used < n ? BLOCK - used : n;
    if (part == BLOCK)
      compress(h->state, (const unsigned char *)bytes);
    else {
      memcpy(h->block + used, bytes, part);
      if (used + part == BLOCK)
        compress(h->state, h->block);
    }
    used = 0;
    bytes += part;
    n -= part;
  }
}


/* pads the message (5.1.1) and writes its digest */
void nv_sha256_finish (NvSha256 *h, unsigned char digest[NV_SHA256]) {
  static const char padding[BLOCK] = { '\x80' };
  uint64_t bits = h->length * 8;
  size_t used = (size_t)(h->length % BLOCK);
  char length[LENGTH];
  int i;
  for (i = 0; i < LENGTH; i++)
    length[i] = (char)(bits >> (56 - 8 * i) & 0xff);
  nv_sha256_append(h, padding, used < BLOCK - LENGTH
                   ? BLOCK - LENGTH - used : 2 * BLOCK - LENGTH - used);
  nv_sha256_append(h, length, LENGTH);
  for (i = 0; i < NV_SHA256; i++)
    digest[i] = (unsigned char)(h->state[i / 4] >> (24 - 8 * (i % 4)) & 0xff);
}
