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

/* Where a row of the kernel meets the image, for one output pixel and one group. */
typedef struct {
  const int8_t *from; /* the first tap, inside or not */
  int32_t column;     /* its column in the image */
  int32_t is_inside;  /* whether the row is one of the image */
  int32_t is_run;     /* whether all its taps are inside and lie one behind the other */
} ef_row;

EF_INLINE ef_row ef_row_at(const ef_conv *p, const int8_t *in, int32_t top, int32_t left, int32_t i) {
  int32_t row = top + i * p->dilation_y;
  ef_row found = {in + (row * p->in_width + left) * p->in_channels, left, row >= 0 && row < p->in_height, 0};
  found.is_run = found.is_inside && p->dilation_x == 1 && p->groups == 1 && left >= 0 && left + p->width <= p->in_width;
  return found;
}

/* Tap `j` of a row, or nothing where it lies outside. */
EF_INLINE const int8_t *ef_tap(const ef_conv *p, ef_row row, int32_t j) {
  int32_t column = row.column + j * p->dilation_x;
  return row.is_inside && column >= 0 && column < p->in_width ? row.from + j * p->dilation_x * p->in_channels : 0;
}

/* The inputs of one output pixel, in the order of a row of weights. */
EF_INLINE void ef_gather(const ef_conv *p, const int8_t *in, int32_t top, int32_t left, int32_t channels, int8_t *to) {
  for (int32_t i = 0; i < p->height; ++i) {
    ef_row row = ef_row_at(p, in, top, left, i);
    int32_t taps = row.is_run ? 1 : p->width, bytes = row.is_run ? p->width * channels : channels;
    for (int32_t j = 0; j < taps; ++j, to += bytes) {
      const int8_t *from = ef_tap(p, row, j);
      if (from) {
        ef_copy_run(to, from, bytes);
      } else {
        ef_fill_run(to, p->in_zero_point, bytes);
      }
    }
  }
}

#ifdef EF_DSP
/* `words` words of a column, as 16-bit numbers, to the place of one of four pixels that lie side by side. */
EF_INLINE uint32_t *ef_expand(const int8_t *from, int32_t words, uint32_t *to) {
  do {
    uint32_t word = ef_word(from);
    to[0] = ef_even(word);
    to[1] = ef_odd(word);
    from += 4;
    to += 8;
  } while (--words);
  return to;
}

/* The same for inputs of one output pixel that lie in fours. */
EF_INLINE void ef_gather_words(const ef_conv *p, const int8_t *in, int32_t top, int32_t left, int32_t channels, uint32_t *to) {
  uint32_t outside = 0x10001u * (uint16_t)p->in_zero_point;
  for (int32_t i = 0; i < p->height; ++i) {
    ef_row row = ef_row_at(p, in, top, left, i);
    int32_t taps = row.is_run ? 1 : p->width, words = (row.is_run ? p->width * channels : channels) / 4;
    for (int32_t j = 0; j < taps; ++j) {
      const int8_t *from = ef_tap(p, row, j);
      if (from) {
        to = ef_expand(from, words, to);
      } else {
        for (int32_t k = 0; k < words; ++k, to += 8) to[0] = to[1] = outside;
      }
    }
  }
}

/* One word of weights, with four pixels' words from `at` on. */
#define EF_DOT_WORD(word, at)                              \
  do {                                                     \
    uint32_t even = ef_even(word), odd = ef_odd(word);     \
    ef_pair pair;                                          \
    EF_LOAD_PAIR(pair, column, at);                        \
    sum0 = ef_dual(odd, pair.odd, ef_dual(even, pair.even, sum0)); \
    EF_LOAD_PAIR(pair, column, (at) + 2);                  \
    sum1 = ef_dual(odd, pair.odd, ef_dual(even, pair.even, sum1)); \
    EF_LOAD_PAIR(pair, column, (at) + 4);                  \
    sum2 = ef_dual(odd, pair.odd, ef_dual(even, pair.even, sum2)); \
    EF_LOAD_PAIR(pair, column, (at) + 6);                  \
    sum3 = ef_dual(odd, pair.odd, ef_dual(even, pair.even, sum3)); \
  } while (0)

/* Four sums over a row of weights, two words at a time. */
EF_INLINE void ef_dot(const int8_t *row, const void *columns, int32_t words, int32_t sums[4]) {
  const uint32_t *column = columns, *weights = (const uint32_t *)(const void *)row, *end = weights + words;
  int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
  if (words & 1) {
    EF_DOT_WORD(*weights, 0);
    weights += 1;
    column += 8;
  }
  while (weights != end) {
    EF_DOT_WORD(weights[0], 0);
    EF_DOT_WORD(weights[1], 8);
    weights += 2;
    column += 16;
  }
  sums[0] = sum0, sums[1] = sum1, sums[2] = sum2, sums[3] = sum3;
}
#else
/* Four sums over a row of weights; columns are bytes and lie one behind the other. */
EF_INLINE void ef_dot(const int8_t *row, const void *columns, int32_t words, int32_t sums[4]) {
  const int8_t *column = columns;
  int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3], stride = 4 * words;
  for (int32_t k = stride; k; --k, ++column) {
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
EF_INLINE void ef_tile(const ef_conv *p, const void *columns, int32_t group, int32_t words, int32_t count, int8_t *out, int32_t is_wide) {
  int32_t channels = p->out_channels, rows = channels / p->groups, first = group * rows;
  const int8_t *row = p->weights + first * 4 * words;
  /* pixels that aren't there are written first, to the place of the first, which is written last */
  int32_t step1 = count > 1 ? channels : 0, step2 = count > 2 ? 2 * channels : 0, step3 = count > 3 ? 3 * channels : 0;
  for (int32_t r = first; r < first + rows; ++r, row += 4 * words) {
    ef_channel channel = ef_channel_at(&p->rescale, r, is_wide);
    int32_t sums[4] = {channel.bias, channel.bias, channel.bias, channel.bias};
    ef_dot(row, columns, words, sums);
    out[r + step3] = ef_rescale_sum(sums[3], channel, &p->rescale, is_wide);
    out[r + step2] = ef_rescale_sum(sums[2], channel, &p->rescale, is_wide);
    out[r + step1] = ef_rescale_sum(sums[1], channel, &p->rescale, is_wide);
    out[r] = ef_rescale_sum(sums[0], channel, &p->rescale, is_wide);
  }
}

EF_KERNEL void ef_tile_packed(const ef_conv *p, const void *columns, int32_t group, int32_t words, int32_t count, int8_t *out) {
  ef_tile(p, columns, group, words, count, out, 0);
}

EF_KERNEL void ef_tile_wide(const ef_conv *p, const void *columns, int32_t group, int32_t words, int32_t count, int8_t *out) {
  ef_tile(p, columns, group, words, count, out, 1);
}

/* The inputs of four pixels, from `pixel` on, as columns in scratch. */
EF_KERNEL void ef_columns(const ef_conv *p, const int8_t *in, int32_t group, int32_t pixel, int32_t count, void *scratch) {
  int32_t channels = p->in_channels / p->groups, depth = p->height * p->width * channels, words = (depth + 3) / 4;
  int32_t y = pixel / p->out_width, x = pixel - y * p->out_width;
  for (int32_t i = 0; i < count; ++i) {
    int32_t top = y * p->stride_y - p->pad_y, left = x * p->stride_x - p->pad_x;
    const int8_t *first = in + group * channels;
#ifdef EF_DSP
    uint32_t *column = (uint32_t *)scratch + 2 * i;
    if (p->pointwise) {
      ef_expand(in + (pixel + i) * depth, words, column);
    } else if (channels % 4 == 0) {
      ef_gather_words(p, first, top, left, channels, column);
    } else {
      int8_t *bytes = (int8_t *)scratch + 32 * words;
      ef_fill_run(bytes + 4 * words - 4, 0, 4);
      ef_gather(p, first, top, left, channels, bytes);
      ef_expand(bytes, words, column);
    }
#else
    int8_t *column = (int8_t *)scratch + i * 4 * words;
    ef_fill_run(column + 4 * words - 4, 0, 4);
    ef_gather(p, first, top, left, channels, column);
#endif
    if (++x == p->out_width) x = 0, ++y;
  }
}

typedef void ef_tile_function(const ef_conv *p, const void *columns, int32_t group, int32_t words, int32_t count, int8_t *out);

EF_INLINE void ef_convolve(const ef_conv *p, const int8_t *in, int8_t *out, void *scratch, ef_tile_function *tile) {
  int32_t pixels = p->out_height * p->out_width, words = (p->height * p->width * (p->in_channels / p->groups) + 3) / 4;
  for (int32_t group = 0; group < p->groups; ++group) {
    for (int32_t pixel = 0; pixel < pixels; pixel += 4) {
      int32_t count = pixels - pixel < 4 ? pixels - pixel : 4;
      ef_columns(p, in, group, pixel, count, scratch);
      tile(p, scratch, group, words, count, out + pixel * p->out_channels);
    }
  }
}

/* scratch: four columns of 16-bit numbers and one of bytes, each of `depth` rounded up to a multiple of 4: 9 bytes a row's byte. */
EF_KERNEL void ef_conv_2d(const ef_conv *p, const int8_t *in, int8_t *out, void *scratch) {
  ef_convolve(p, in, out, scratch, ef_tile_packed);
}

EF_KERNEL void ef_conv_2d_wide(const ef_conv *p, const int8_t *in, int8_t *out, void *scratch) {
  ef_convolve(p, in, out, scratch, ef_tile_wide);
}
