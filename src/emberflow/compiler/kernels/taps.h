/* Sums and maxima over up to three nested axes: what pooling and reductions share.
 *
 * Four channels that lie side by side are taken at a time: each tap is one word, and the four results stay in registers.
 */
#include "dsp.h"

typedef struct {
  int32_t count[3], step[3]; /* outermost axis first; steps in bytes */
} ef_nest;

EF_KERNEL void ef_sum_four(const ef_nest *p, const int8_t *in, int32_t sums[4]) {
  int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  for (int32_t i = 0; i < p->count[0]; ++i, in += p->step[0]) {
    const int8_t *row = in;
    for (int32_t j = 0; j < p->count[1]; ++j, row += p->step[1]) {
      const int8_t *tap = row;
      for (int32_t k = p->count[2]; k; --k, tap += p->step[2]) {
        uint32_t word = ef_word(tap);
        sum0 += (int8_t)word;
        sum1 += (int8_t)(word >> 8);
        sum2 += (int8_t)(word >> 16);
        sum3 += (int8_t)(word >> 24);
      }
    }
  }
  sums[0] = sum0, sums[1] = sum1, sums[2] = sum2, sums[3] = sum3;
}

EF_KERNEL int32_t ef_sum_one(const ef_nest *p, const int8_t *in) {
  int32_t sum = 0;
  for (int32_t i = 0; i < p->count[0]; ++i, in += p->step[0]) {
    const int8_t *row = in;
    for (int32_t j = 0; j < p->count[1]; ++j, row += p->step[1]) {
      const int8_t *tap = row;
      for (int32_t k = p->count[2]; k; --k, tap += p->step[2]) sum += *tap;
    }
  }
  return sum;
}

/* The greatest of each of four bytes, and of `least`. With `flip` all ones the order is reversed: ~a > ~b where a < b. */
EF_KERNEL uint32_t ef_max_four(const ef_nest *p, const int8_t *in, uint32_t least, uint32_t flip) {
  for (int32_t i = 0; i < p->count[0]; ++i, in += p->step[0]) {
    const int8_t *row = in;
    for (int32_t j = 0; j < p->count[1]; ++j, row += p->step[1]) {
      const int8_t *tap = row;
      for (int32_t k = p->count[2]; k; --k, tap += p->step[2]) least = ef_max_bytes(ef_word(tap) ^ flip, least);
    }
  }
  return least;
}

EF_KERNEL int32_t ef_max_one(const ef_nest *p, const int8_t *in, int32_t least, int32_t flip) {
  for (int32_t i = 0; i < p->count[0]; ++i, in += p->step[0]) {
    const int8_t *row = in;
    for (int32_t j = 0; j < p->count[1]; ++j, row += p->step[1]) {
      const int8_t *tap = row;
      for (int32_t k = p->count[2]; k; --k, tap += p->step[2]) least = (*tap ^ flip) > least ? *tap ^ flip : least;
    }
  }
  return least;
}
