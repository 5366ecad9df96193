/* PRELU: a slope for what is negative.
 *
 *   x = in - zero_in      code = clamp(zero + round(x * s_in / s_out)) where x >= 0, clamp(zero + round(x * (b - zero_b) * s_in * s_b / s_out)) else
 *
 * Source: LiteRT 8-bit specification.
 */
#include "scale.h"
#include "spread.h"

typedef struct {
  ef_scale above, below;
  int16_t a_zero, b_zero;
  int8_t zero_point;
} ef_prelu;

EF_KERNEL void ef_prelu_any(const void *parameters, ef_run run) {
  ef_prelu p = *(const ef_prelu *)parameters;
  for (int32_t i = run.length; i > 0; --i, run.a += run.a_step, run.b += run.b_step) {
    int32_t x = *run.a - p.a_zero;
    int32_t value = x >= 0 ? ef_scaled(x, &p.above) : ef_scaled(x * (*run.b - p.b_zero), &p.below);
    *run.out++ = (int8_t)ef_clamp(value + p.zero_point, -128, 127);
  }
}

EF_KERNEL void ef_prelu_same(const ef_prelu *p, const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_run run = {a, b, out, 1, 1, length};
  ef_prelu_any(p, run);
}

EF_KERNEL void ef_prelu_spread(const ef_prelu *p, const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_prelu_any, p, a, b, out);
}
