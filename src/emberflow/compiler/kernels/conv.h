/* CONV_2D, grouped and dilated too; and what the transposed convolution and others build on.
 *
 *   sum[y, x, o] = bias'[o] + Σ in[y * stride + i * dilation - pad, ...] * w[o, i, j, c],   bias' = bias - zero_point * Σ w
 *
 * bias' folds the input's zero point away (the compiler computes it); outside the image the input is its zero point, which then counts
 * as nothing. Source: LiteRT 8-bit specification; the arithmetic is exact, so the order of summation is free.
 *
 * Four output pixels are computed at a time. Their inputs become four columns, side by side in scratch, and each row of weights is read
 * once for all four. With the DSP extension the columns hold 16-bit numbers in the order in which SXTB16 takes apart a word of weights
 * (bytes 0 and 2, then 1 and 3), so that weights are expanded once for four pixels and columns once for all rows.
 */
#include "channel.h"
#include "dsp.h"

typedef struct {
  const int8_t *weights; /* a row of `depth` bytes an output channel, each padded with 0 to a multiple of 4 */
  ef_rescale rescale;
  uint16_t in_height, in_width, in_channels;
  uint16_t out_height, out_width, out_channels;
  uint16_t height, width; /* of the kernel */
  uint16_t groups;
  uint8_t stride_y, stride_x, dilation_y, dilation_x;
  uint8_t pad_y, pad_x;
  int8_t in_zero_point;
  uint8_t pointwise; /* 1x1, stride 1, one group, depth a multiple of 4: pixels are columns as they lie */
} ef_conv;

/* The inputs of one output pixel, `depth` bytes in the order of a row of weights. */
EF_INLINE void ef_gather(const ef_conv *p, const int8_t *in, int32_t y, int32_t x, int32_t first_channel, int8_t *to) {
  int32_t channels = p->in_channels / p->groups;
  int32_t top = y * p->stride_y - p->pad_y, left = x * p->stride_x - p->pad_x;
  for (int32_t i = 0; i < p->height; ++i) {
    int32_t row = top + i * p->dilation_y;
    if (row < 0 || row >= p->in_height) {
      EF_FILL(to, p->in_zero_point, p->width * channels);
      to += p->width * channels;
      continue;
    }
    const int8_t *from = in + (row * p->in_width + left) * p->in_channels + first_channel;
    if (p->dilation_x == 1 && p->groups == 1 && left >= 0 && left + p->width <= p->in_width) {
      EF_COPY(to, from, p->width * channels);
      to += p->width * channels;
      continue;
    }
    for (int32_t j = 0; j < p->width; ++j, to += channels) {
      int32_t column = left + j * p->dilation_x;
      if (column < 0 || column >= p->in_width) {
        EF_FILL(to, p->in_zero_point, channels);
      } else {
        EF_COPY(to, from + j * p->dilation_x * p->in_channels, channels);
      }
    }
  }
}

#ifdef EF_DSP
/* `words` words of a column, as 16-bit numbers, to the place of one of four pixels that lie side by side. */
EF_INLINE void ef_expand(const int8_t *from, int32_t words, uint32_t *to) {
  do {
    uint32_t word = ef_word(from);
    to[0] = ef_even(word);
    to[1] = ef_odd(word);
    from += 4;
    to += 8;
  } while (--words);
}

/* Four sums over a row of weights. */
EF_INLINE void ef_dot(const int8_t *row, const void *columns, int32_t words, int32_t stride, int32_t sums[4]) {
  const uint32_t *column = columns;
  int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
  (void)stride;
  do {
    uint32_t word = ef_word(row), even = ef_even(word), odd = ef_odd(word);
    sum0 = ef_dual(odd, column[1], ef_dual(even, column[0], sum0));
    sum1 = ef_dual(odd, column[3], ef_dual(even, column[2], sum1));
    sum2 = ef_dual(odd, column[5], ef_dual(even, column[4], sum2));
    sum3 = ef_dual(odd, column[7], ef_dual(even, column[6], sum3));
    row += 4;
    column += 8;
  } while (--words);
  sums[0] = sum0, sums[1] = sum1, sums[2] = sum2, sums[3] = sum3;
}
#else
EF_INLINE void ef_dot(const int8_t *row, const void *columns, int32_t words, int32_t stride, int32_t sums[4]) {
  const int8_t *column = columns;
  int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
  for (int32_t k = 4 * words; k; --k, ++column) {
    int32_t weight = *row++;
    sum0 += weight * column[0];
    sum1 += weight * column[stride];
    sum2 += weight * column[2 * stride];
    sum3 += weight * column[3 * stride];
  }
  sums[0] = sum0, sums[1] = sum1, sums[2] = sum2, sums[3] = sum3;
}
#endif

/* One group's output channels of `count` pixels, from one to four, that lie one behind the other in `out`. */
EF_INLINE void ef_tile(const ef_conv *p, const void *columns, int32_t stride, int32_t first, int32_t words, int32_t count, int8_t *out) {
  int32_t channels = p->out_channels, rows = channels / p->groups;
  const int8_t *row = p->weights + first * 4 * words;
  /* pixels that aren't there are written first, to the place of the first, which is written last */
  int32_t step1 = count > 1 ? channels : 0, step2 = count > 2 ? 2 * channels : 0, step3 = count > 3 ? 3 * channels : 0;
  out += first;
  for (int32_t r = first; r < first + rows; ++r, row += 4 * words, ++out) {
    ef_channel channel = ef_channel_at(&p->rescale, r);
    int32_t sums[4] = {channel.bias, channel.bias, channel.bias, channel.bias};
    ef_dot(row, columns, words, stride, sums);
    out[step3] = ef_rescale_sum(sums[3], channel, &p->rescale);
    out[step2] = ef_rescale_sum(sums[2], channel, &p->rescale);
    out[step1] = ef_rescale_sum(sums[1], channel, &p->rescale);
    out[0] = ef_rescale_sum(sums[0], channel, &p->rescale);
  }
}

/* scratch: four columns of 16-bit numbers and one of bytes, each of `depth` rounded up to a multiple of 4: 9 bytes a row's byte. */
EF_KERNEL void ef_conv_2d(const ef_conv *p, const int8_t *in, int8_t *out, void *scratch) {
  int32_t pixels = p->out_height * p->out_width, depth = p->height * p->width * (p->in_channels / p->groups);
  int32_t words = (depth + 3) / 4, stride = 4 * words;
  for (int32_t group = 0; group < p->groups; ++group) {
    int32_t y = 0, x = 0;
    for (int32_t pixel = 0; pixel < pixels; pixel += 4) {
      int32_t count = pixels - pixel < 4 ? pixels - pixel : 4;
      const void *columns = scratch;
      for (int32_t i = 0; i < count; ++i) {
        int8_t *column = (int8_t *)scratch + i * stride;
        const int8_t *bytes = in + (pixel + i) * depth;
#ifdef EF_DSP
        column = (int8_t *)scratch + 8 * stride;
#endif
        if (!p->pointwise) {
          EF_FILL(column + 4 * words - 4, 0, 4);
          ef_gather(p, in, y, x, group * (p->in_channels / p->groups), column);
          bytes = column;
          if (++x == p->out_width) x = 0, ++y;
        }
#ifdef EF_DSP
        ef_expand(bytes, words, (uint32_t *)scratch + 2 * i);
#else
        if (p->pointwise) EF_COPY(column, bytes, depth);
#endif
      }
      ef_tile(p, columns, stride, group * (p->out_channels / p->groups), words, count, out + pixel * p->out_channels);
    }
  }
}
