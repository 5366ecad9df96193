/* AVERAGE_POOL_2D and MAX_POOL_2D.
 *
 *   average = (Σ in ± n / 2) / n, the sign that of the sum, the division towards zero: rounded, halves away from zero
 *   maximum = max in
 *
 * over the n taps of the window that lie inside the image; then clamped by the fused activation. Input and output have one scale. Source:
 * LiteRT 8-bit specification; how the average rounds is TFLM's choice.
 */
#include "taps.h"

typedef struct {
  uint16_t in_height, in_width, in_channels;
  uint16_t out_height, out_width;
  uint16_t height, width;
  uint8_t stride_y, stride_x;
  uint8_t pad_y, pad_x;
  int8_t low, high;
} ef_pool;

/* The part of a window that lies inside the image; returns its first tap. */
EF_INLINE const int8_t *ef_window(const ef_pool *p, const int8_t *in, int32_t y, int32_t x, ef_nest *window) {
  int32_t top = y * p->stride_y - p->pad_y, left = x * p->stride_x - p->pad_x;
  int32_t bottom = top + p->height, right = left + p->width;
  top = top < 0 ? 0 : top, left = left < 0 ? 0 : left;
  bottom = bottom > p->in_height ? p->in_height : bottom, right = right > p->in_width ? p->in_width : right;
  window->count[0] = 1, window->count[1] = bottom - top, window->count[2] = right - left;
  window->step[0] = 0, window->step[1] = p->in_width * p->in_channels, window->step[2] = p->in_channels;
  return in + (top * p->in_width + left) * p->in_channels;
}

EF_INLINE int8_t ef_average(const ef_pool *p, int32_t sum, int32_t count) {
  return (int8_t)ef_clamp((sum + (sum > 0 ? count / 2 : -(count / 2))) / count, p->low, p->high);
}

EF_KERNEL void ef_average_pool_2d(const ef_pool *p, const int8_t *in, int8_t *out) {
  for (int32_t y = 0; y < p->out_height; ++y) {
    for (int32_t x = 0; x < p->out_width; ++x) {
      ef_nest window;
      const int8_t *tap = ef_window(p, in, y, x, &window);
      int32_t count = window.count[1] * window.count[2], channels = p->in_channels;
      for (; channels >= 4; channels -= 4, tap += 4) {
        int32_t sums[4];
        ef_sum_four(&window, tap, sums);
        for (int32_t i = 0; i < 4; ++i) *out++ = ef_average(p, sums[i], count);
      }
      for (; channels; --channels) *out++ = ef_average(p, ef_sum_one(&window, tap++), count);
    }
  }
}

EF_KERNEL void ef_max_pool_2d(const ef_pool *p, const int8_t *in, int8_t *out) {
  uint32_t low = 0x01010101u * (uint8_t)p->low, high = 0x01010101u * (uint8_t)p->high;
  for (int32_t y = 0; y < p->out_height; ++y) {
    for (int32_t x = 0; x < p->out_width; ++x) {
      ef_nest window;
      const int8_t *tap = ef_window(p, in, y, x, &window);
      int32_t channels = p->in_channels;
      for (; channels >= 4; channels -= 4, tap += 4, out += 4) {
        uint32_t word = ~ef_max_bytes(~ef_max_four(&window, tap, low, 0), ~high);
        EF_COPY(out, &word, 4);
      }
      for (; channels; --channels) {
        int32_t value = ef_max_one(&window, tap++, p->low, 0);
        *out++ = (int8_t)(value > p->high ? p->high : value);
      }
    }
  }
}
