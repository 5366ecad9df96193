/* TRANSPOSE_CONV: what is scattered over the output, gathered.
 *
 *   sum[y, x, o] = bias'[o] + Σ in[(y + pad - i) / stride, ...] * w[o, i, j, c]   over the taps for which stride divides y + pad - i
 *
 * Outputs that lie `stride` apart have the same taps, so they are a phase of their own: the inputs under its taps, one behind the other,
 * times the rows of weights of those taps, as in FULLY_CONNECTED. Outside the image the input is its zero point. Source: LiteRT 8-bit
 * specification.
 */
#include "fully_connected.h"

typedef struct {
  ef_dense dense; /* of one pixel; its depth is height * width * in_channels */
  uint16_t in_height, in_width, in_channels;
  uint16_t out_height, out_width;
  uint16_t height, width;   /* taps of the phase */
  int16_t top, left;        /* the first tap of the phase's first pixel */
  uint8_t first_y, first_x; /* the phase's first pixel */
  uint8_t stride_y, stride_x;
  int8_t in_zero_point;
} ef_phase;

/* The inputs under the taps whose first is at (top, left). */
EF_INLINE void ef_phase_gather(const ef_phase *p, const int8_t *in, int32_t top, int32_t left, int8_t *to) {
  int32_t channels = p->in_channels;
  for (int32_t i = 0; i < p->height; ++i) {
    int32_t row = top + i;
    for (int32_t j = 0; j < p->width; ++j, to += channels) {
      int32_t column = left + j;
      if (row >= 0 && row < p->in_height && column >= 0 && column < p->in_width) {
        ef_copy_run(to, in + (row * p->in_width + column) * channels, channels);
      } else {
        ef_fill_run(to, p->in_zero_point, channels);
      }
    }
  }
}

EF_INLINE void ef_phase_pixels(const ef_phase *p, const int8_t *in, int8_t *out, int8_t *column, int32_t is_wide) {
  int32_t top = p->top;
  for (int32_t y = p->first_y; y < p->out_height; y += p->stride_y, ++top) {
    int32_t left = p->left;
    for (int32_t x = p->first_x; x < p->out_width; x += p->stride_x, ++left) {
      int8_t *pixel = out + (y * p->out_width + x) * p->dense.outputs;
      ef_phase_gather(p, in, top, left, column);
      if (is_wide) {
        ef_fully_connected_wide(&p->dense, column, pixel);
      } else {
        ef_fully_connected(&p->dense, column, pixel);
      }
    }
  }
}

/* scratch: the inputs of one pixel. */
EF_KERNEL void ef_transpose_conv(const ef_phase *p, const int8_t *in, int8_t *out, void *scratch) { ef_phase_pixels(p, in, out, scratch, 0); }

EF_KERNEL void ef_transpose_conv_wide(const ef_phase *p, const int8_t *in, int8_t *out, void *scratch) { ef_phase_pixels(p, in, out, scratch, 1); }
