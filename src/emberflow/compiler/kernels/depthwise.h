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

/* scratch: an address for each tap, then `in_channels` bytes. */
EF_KERNEL void ef_depthwise_conv_2d(const ef_depthwise *p, const int8_t *in, int8_t *out, void *scratch) {
  int32_t count = p->height * p->width, out_channels = p->in_channels * p->multiplier;
  const int8_t **taps = scratch;
  int8_t *outside = (int8_t *)(taps + count);
  EF_FILL(outside, p->in_zero_point, p->in_channels);
  for (int32_t y = 0; y < p->out_height; ++y) {
    for (int32_t x = 0; x < p->out_width; ++x) {
      ef_find_taps(p, in, y, x, outside, taps);
      int32_t c = 0;
#ifdef EF_DSP
      for (; p->multiplier == 1 && c + 4 <= out_channels; c += 4, out += 4) {
        const int8_t *weights = p->weights + c;
        ef_channel channels[4];
        int32_t sums[4];
        for (int32_t i = 0; i < 4; ++i) channels[i] = ef_channel_at(&p->rescale, c + i), sums[i] = channels[i].bias;
        for (int32_t tap = 0; tap < count; ++tap, weights += out_channels) {
          uint32_t word = ef_word(taps[tap] + c), even = ef_even(word), odd = ef_odd(word);
          uint32_t weight = ef_word(weights), weight_even = ef_even(weight), weight_odd = ef_odd(weight);
          sums[0] = ef_low(even, weight_even, sums[0]);
          sums[1] = ef_low(odd, weight_odd, sums[1]);
          sums[2] = ef_high(even, weight_even, sums[2]);
          sums[3] = ef_high(odd, weight_odd, sums[3]);
        }
        for (int32_t i = 0; i < 4; ++i) out[i] = ef_rescale_sum(sums[i], channels[i], &p->rescale);
      }
#endif
      for (; c < out_channels; ++c) {
        ef_channel channel = ef_channel_at(&p->rescale, c);
        const int8_t *weights = p->weights + c;
        int32_t sum = channel.bias, from = c / p->multiplier;
        for (int32_t tap = 0; tap < count; ++tap, weights += out_channels) sum += taps[tap][from] * *weights;
        *out++ = ef_rescale_sum(sum, channel, &p->rescale);
      }
    }
  }
}
