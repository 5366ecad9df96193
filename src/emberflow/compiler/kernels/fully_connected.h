/* FULLY_CONNECTED: sum[o] = bias'[o] + Σ in[k] * w[o, k], for each of `batches` inputs; bias' folds the input's zero point away.
 *
 * Rows of weights are taken four at a time, so that each word of the input is expanded once for four outputs. The compiler lays such a
 * block of rows out word by word: four bytes of the first row, four of the second, and so on, so that one address serves all four. Rows
 * that are left over, and all rows where `depth` is no multiple of four, lie one behind the other. Source: LiteRT 8-bit specification.
 */
#include "channel.h"
#include "dsp.h"

typedef struct {
  const int8_t *weights;
  ef_rescale rescale;
  uint16_t batches, depth, outputs;
  uint16_t blocks; /* of four rows, word by word */
} ef_dense;

/* One sum over a row of weights. */
EF_INLINE int32_t ef_dot_row(const int8_t *row, const int8_t *in, int32_t depth) {
  int32_t sum = 0;
#ifdef EF_DSP
  for (; depth >= 4; depth -= 4, row += 4, in += 4) {
    uint32_t word = ef_word(in), weight = ef_word(row);
    sum = ef_dual(ef_odd(word), ef_odd(weight), ef_dual(ef_even(word), ef_even(weight), sum));
  }
#endif
  for (; depth; --depth) sum += *in++ * *row++;
  return sum;
}

/* Four sums over a block; a function of its own, because the loop needs every register. */
EF_KERNEL void ef_dot_block(const int8_t *block, const int8_t *in, int32_t depth, int32_t sums[4]) {
  int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  const int8_t *end = in + depth;
  do {
#ifdef EF_DSP
    const uint32_t *weights = (const uint32_t *)(const void *)block;
    uint32_t word = ef_word(in), even = ef_even(word), odd = ef_odd(word);
    word = weights[0], sum0 = ef_dual(odd, ef_odd(word), ef_dual(even, ef_even(word), sum0));
    word = weights[1], sum1 = ef_dual(odd, ef_odd(word), ef_dual(even, ef_even(word), sum1));
    word = weights[2], sum2 = ef_dual(odd, ef_odd(word), ef_dual(even, ef_even(word), sum2));
    word = weights[3], sum3 = ef_dual(odd, ef_odd(word), ef_dual(even, ef_even(word), sum3));
#else
    for (int32_t k = 0; k < 4; ++k) {
      sum0 += in[k] * block[k];
      sum1 += in[k] * block[k + 4];
      sum2 += in[k] * block[k + 8];
      sum3 += in[k] * block[k + 12];
    }
#endif
    block += 16;
    in += 4;
  } while (in != end);
  sums[0] = sum0, sums[1] = sum1, sums[2] = sum2, sums[3] = sum3;
}

EF_INLINE int8_t ef_dense_code(const ef_dense *p, int32_t sum, int32_t output, int32_t is_wide) {
  ef_channel channel = ef_channel_at(&p->rescale, output, is_wide);
  return ef_rescale_sum(sum + channel.bias, channel, &p->rescale, is_wide);
}

EF_INLINE void ef_dense_rows(const ef_dense *p, const int8_t *in, int8_t *out, int32_t is_wide) {
  int32_t depth = p->depth;
  for (int32_t batch = 0; batch < p->batches; ++batch, in += depth) {
    const int8_t *weights = p->weights;
    int32_t o = 0;
    for (; o < 4 * p->blocks; o += 4, weights += 4 * depth, out += 4) {
      int32_t sums[4];
      ef_dot_block(weights, in, depth, sums);
      for (int32_t i = 0; i < 4; ++i) out[i] = ef_dense_code(p, sums[i], o + i, is_wide);
    }
    for (; o < p->outputs; ++o, weights += depth) *out++ = ef_dense_code(p, ef_dot_row(weights, in, depth), o, is_wide);
  }
}

EF_KERNEL void ef_fully_connected(const ef_dense *p, const int8_t *in, int8_t *out) { ef_dense_rows(p, in, out, 0); }

EF_KERNEL void ef_fully_connected_wide(const ef_dense *p, const int8_t *in, int8_t *out) { ef_dense_rows(p, in, out, 1); }
