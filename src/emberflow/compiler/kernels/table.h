/* Any function of one code, as a table of its 256 answers: out = table[in], with the codes taken as bytes 0 to 255. */
#include "base.h"

EF_KERNEL void ef_look_up(const int8_t *table, const void *in, void *out, int32_t length) {
  const uint8_t *from = in;
  int8_t *to = out;
  for (int32_t i = length; i >= 4; i -= 4, from += 4, to += 4) {
    to[0] = table[from[0]], to[1] = table[from[1]], to[2] = table[from[2]], to[3] = table[from[3]];
  }
  for (int32_t i = length & 3; i; --i) *to++ = table[*from++];
}

/* int8 to uint8 of the same scale, or back: the code's top bit changes. */
EF_KERNEL void ef_flip(const void *in, void *out, int32_t length) {
  const uint8_t *from = in;
  uint8_t *to = out;
  for (; length >= 4; length -= 4, from += 4, to += 4) {
    uint32_t word;
    EF_COPY(&word, from, sizeof word);
    word ^= 0x80808080u;
    EF_COPY(to, &word, sizeof word);
  }
  for (; length; --length) *to++ = (uint8_t)(*from++ ^ 0x80u);
}
