/* DEPTHWISE_CONV_2D: each input channel by `multiplier` kernels of its own.
 *
 *   sum[y, x, c * multiplier + m] = bias'[...] + Σ in[y * stride + i * dilation - pad, ..., c] * w[i, j, c * multiplier + m]
 *
 * For each output pixel the addresses of its taps are written down once; taps outside the image read a line of zero points, so that
 * borders need no code of their own. With the DSP extension four channels are computed at a time. Source: LiteRT 8-bit specification.
 */
#include "channel.h"
#include "dsp.h"

typedef struct {
  const int8_t *weights; /* (height, width, out_channels) */
  ef_rescale rescale;
  uint16_t in_height, in_width, in_channels;
  uint16_t out_height, out_width, multiplier;
  uint16_t height, width;
  uint8_t stride_y, stride_x, dilation_y, dilation_x;
  uint8_t pad_y, pad_x;
  int8_t in_zero_point;
} ef_depthwise;

EF_INLINE void ef_find_taps(const ef_depthwise *p, const int8_t *in, int32_t y, int32_t x, const int8_t *outside, const int8_t **taps) {
  int32_t top = y * p->stride_y - p->pad_y, left = x * p->stride_x - p->pad_x;
  for (int32_t i = 0; i < p->height; ++i) {
    int32_t row = top + i * p->dilation_y;
    for (int32_t j = 0; j < p->width; ++j) {
      int32_t column = left + j * p->dilation_x;
      int32_t is_inside = row >= 0 && row < p->in_height && column >= 0 && column < p->in_width;
      *taps++ = is_inside ? in + (row * p->in_width + column) * p->in_channels : outside;
    }
  }
}

#ifdef EF_DSP
EF_INLINE int8_t ef_depthwise_code(const ef_depthwise *p, int32_t sum, int32_t channel_index, int32_t is_wide) {
  ef_channel channel = ef_channel_at(&p->rescale, channel_index, is_wide);
  return ef_rescale_sum(sum + channel.bias, channel, &p->rescale, is_wide);
}

/* Four channels of one pixel, from channel `c` on. */
EF_INLINE void ef_four_channels(const ef_depthwise *p, const int8_t *const *taps, int32_t count, int32_t c, int8_t *out, int32_t is_wide) {
  const int8_t *weights = p->weights + c;
  int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0, stride = p->in_channels;
  do {
    uint32_t word = ef_word(*taps++ + c), even = ef_even(word), odd = ef_odd(word);
    uint32_t weight = ef_word(weights), weight_even = ef_even(weight), weight_odd = ef_odd(weight);
    sum0 = ef_low(even, weight_even, sum0);
    sum1 = ef_low(odd, weight_odd, sum1);
    sum2 = ef_high(even, weight_even, sum2);
    sum3 = ef_high(odd, weight_odd, sum3);
    weights += stride;
  } while (--count);
  out[0] = ef_depthwise_code(p, sum0, c, is_wide);
  out[1] = ef_depthwise_code(p, sum1, c + 1, is_wide);
  out[2] = ef_depthwise_code(p, sum2, c + 2, is_wide);
  out[3] = ef_depthwise_code(p, sum3, c + 3, is_wide);
}
#endif

/* All channels of one pixel. */
EF_INLINE void ef_channels(const ef_depthwise *p, const int8_t *const *taps, int32_t count, int8_t *out, int32_t is_wide) {
  int32_t c = 0, out_channels = p->in_channels * p->multiplier;
#ifdef EF_DSP
  for (; p->multiplier == 1 && c + 4 <= out_channels; c += 4) ef_four_channels(p, taps, count, c, out + c, is_wide);
#endif
  for (; c < out_channels; ++c) {
    ef_channel channel = ef_channel_at(&p->rescale, c, is_wide);
    const int8_t *weights = p->weights + c;
    int32_t sum = channel.bias, from = c / p->multiplier;
    for (int32_t tap = 0; tap < count; ++tap, weights += out_channels) sum += taps[tap][from] * *weights;
    out[c] = ef_rescale_sum(sum, channel, &p->rescale, is_wide);
  }
}

EF_INLINE void ef_depthwise_pixels(const ef_depthwise *p, const int8_t *in, int8_t *out, void *scratch, int32_t is_wide) {
  int32_t count = p->height * p->width;
  const int8_t **taps = scratch;
  int8_t *outside = (int8_t *)(taps + count);
  EF_FILL(outside, p->in_zero_point, p->in_channels);
  for (int32_t y = 0; y < p->out_height; ++y) {
    for (int32_t x = 0; x < p->out_width; ++x, out += p->in_channels * p->multiplier) {
      ef_find_taps(p, in, y, x, outside, taps);
      ef_channels(p, taps, count, out, is_wide);
    }
  }
}

/* scratch: an address for each tap, then `in_channels` bytes. */
EF_KERNEL void ef_depthwise_conv_2d(const ef_depthwise *p, const int8_t *in, int8_t *out, void *scratch) {
  ef_depthwise_pixels(p, in, out, scratch, 0);
}

EF_KERNEL void ef_depthwise_conv_2d_wide(const ef_depthwise *p, const int8_t *in, int8_t *out, void *scratch) {
  ef_depthwise_pixels(p, in, out, scratch, 1);
}
