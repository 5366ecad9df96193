/* RESIZE_BILINEAR: each output is the mean of four inputs, weighted by how near they are in 1/1024.
 *
 *   code = round(Σ in[row_i, column_j] * weight_i * weight_j / 2^20),   i, j in {0, 1}, weight_0 = 1024 - weight_1,   halves away from zero
 *
 * Which rows, columns and weights is in tables that the compiler makes. Input and output have one scale. Source: LiteRT 8-bit
 * specification for the scales; that weights have ten bits is TFLM's choice.
 */
#include "base.h"

typedef struct {
  const uint16_t *rows, *columns; /* first, second, weight of the second in 1/1024 (int16_t), for each row or column of the output */
  uint16_t width, channels;       /* of the input */
  uint16_t out_height, out_width;
} ef_resize;

EF_KERNEL void ef_resize_bilinear(const ef_resize *p, const int8_t *in, int8_t *out) {
  int32_t channels = p->channels;
  const int32_t half = (int32_t)1 << 19; /* of the four weights' sum, 2^20 */
  for (int32_t y = 0; y < p->out_height; ++y) {
    const uint16_t *row = p->rows + 3 * y;
    const int8_t *upper = in + row[0] * p->width * channels, *lower = in + row[1] * p->width * channels;
    int32_t down = (int16_t)row[2];
    for (int32_t x = 0; x < p->out_width; ++x) {
      const uint16_t *column = p->columns + 3 * x;
      int32_t right = (int16_t)column[2], left = 1024 - right;
      int32_t weights[4] = {left * (1024 - down), right * (1024 - down), left * down, right * down};
      const int8_t *from = upper + column[0] * channels, *below = lower + column[0] * channels;
      int32_t next = (column[1] - column[0]) * channels;
      for (int32_t c = channels; c; --c, ++from, ++below) {
        int32_t sum = from[0] * weights[0] + from[next] * weights[1] + below[0] * weights[2] + below[next] * weights[3];
        *out++ = (int8_t)((sum + (sum > 0 ? half : -half)) / (2 * half));
      }
    }
  }
}
