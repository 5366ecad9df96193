/* Bytes from one tensor to another in a new order: what slicing, transposing, joining, padding and repeating come to.
 *
 *   out[to + Σ i_a * to_step_a + r] = in[from + Σ i_a * from_step_a + r],   0 <= i_a < count_a,  0 <= r < run
 *
 * The compiler turns an operator into as few axes and as long runs as it can. No operator's own arithmetic is here: codes are copied.
 */
#include "base.h"

typedef struct {
  const int32_t *axes; /* count, from_step, to_step of each axis in bytes, outermost first; at least one */
  int32_t from, to, run;
  uint8_t count; /* of axes, at most 8 */
} ef_moves;

EF_INLINE void ef_move_line(const int32_t *axis, int32_t run, const uint8_t *from, uint8_t *to) {
  int32_t left = axis[0], from_step = axis[1], to_step = axis[2];
  if (run == 1) {
    for (; left; --left, from += from_step, to += to_step) *to = *from;
  } else {
    for (; left; --left, from += from_step, to += to_step) EF_COPY(to, from, run);
  }
}

EF_KERNEL void ef_move(const ef_moves *p, const void *in, void *out) {
  int32_t at[8] = {0}, from = p->from, to = p->to;
  for (;;) {
    ef_move_line(p->axes + 3 * (p->count - 1), p->run, (const uint8_t *)in + from, (uint8_t *)out + to);
    int32_t axis = p->count - 2;
    for (; axis >= 0; --axis) {
      const int32_t *steps = p->axes + 3 * axis;
      from += steps[1], to += steps[2];
      if (++at[axis] < steps[0]) break;
      at[axis] = 0;
      from -= steps[0] * steps[1], to -= steps[0] * steps[2];
    }
    if (axis < 0) return;
  }
}

EF_KERNEL void ef_copy(const void *in, int32_t from, void *out, int32_t to, int32_t bytes) {
  EF_COPY((uint8_t *)out + to, (const uint8_t *)in + from, bytes);
}

EF_KERNEL void ef_fill(void *out, int32_t to, int32_t byte, int32_t bytes) { EF_FILL((uint8_t *)out + to, byte, bytes); }
