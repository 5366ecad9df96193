/* Lines from a tensor by tables of places: GATHER, MIRROR_PAD, RESIZE_NEAREST_NEIGHBOR.
 *
 *   out[o, y, x, r] = in[o, rows[y], columns[x], r],   0 <= r < run bytes
 */
#include "base.h"

typedef struct {
  const uint16_t *rows, *columns;
  int32_t outer_step, row_step, column_step, run;
  uint16_t outer, height, width;
} ef_picks;

EF_KERNEL void ef_pick(const ef_picks *p, const void *in, void *out) {
  const uint8_t *from = in;
  uint8_t *to = out;
  for (int32_t o = 0; o < p->outer; ++o, from += p->outer_step) {
    for (int32_t y = 0; y < p->height; ++y) {
      const uint8_t *row = from + p->rows[y] * p->row_step;
      for (int32_t x = 0; x < p->width; ++x, to += p->run) EF_COPY(to, row + p->columns[x] * p->column_step, p->run);
    }
  }
}
