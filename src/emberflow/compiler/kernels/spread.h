/* Two operands of different shapes: the axes along which one has size 1 are repeated (NumPy's broadcasting).
 *
 * The output is written in order, in runs along which each operand either goes on by one or stays. Between runs the operands' addresses
 * move like an odometer: the innermost of the other axes first. The compiler joins axes that behave alike.
 */
#include "base.h"

#define EF_AXES 5

typedef struct {
  int32_t runs, length;
  int32_t sizes[EF_AXES], a_steps[EF_AXES], b_steps[EF_AXES]; /* of the axes outside a run, innermost first; a size of 1 at their end */
  uint8_t a_step, b_step;                                     /* within a run: 0 or 1 */
} ef_spread;

typedef struct {
  const int8_t *a, *b;
  int8_t *out;
  int32_t a_step, b_step, length;
} ef_run;

typedef void (*ef_run_kernel)(const void *p, ef_run run);

EF_KERNEL void ef_spread_runs(const ef_spread *s, ef_run_kernel kernel, const void *p, const int8_t *a, const int8_t *b, int8_t *out) {
  int32_t places[EF_AXES] = {0};
  for (int32_t i = 0; i < s->runs; ++i, out += s->length) {
    ef_run run = {a, b, out, s->a_step, s->b_step, s->length};
    kernel(p, run);
    for (int32_t axis = 0; axis < EF_AXES; ++axis) {
      a += s->a_steps[axis], b += s->b_steps[axis];
      if (++places[axis] < s->sizes[axis]) break;
      places[axis] = 0;
      a -= s->a_steps[axis] * s->sizes[axis], b -= s->b_steps[axis] * s->sizes[axis];
    }
  }
}
