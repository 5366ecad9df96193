/* SQUARED_DIFFERENCE of codes with scales of their own.
 *
 *   a' = round(((a - zero_a) << 7) * s_a / (2 s))      s = max(s_a, s_b)      code = clamp(zero + round((a' - b')^2 * (2 s)^2 / (2^14 * s_out)))
 *
 * Source: TensorFlow Lite for Microcontrollers' arithmetic, observed.
 */
#include "scale.h"
#include "spread.h"

typedef struct {
  ef_scale a_scale, b_scale, scale;
  int16_t a_zero, b_zero;
  int8_t zero_point;
} ef_squared_difference;

EF_KERNEL void ef_squared_difference_any(const void *parameters, ef_run run) {
  ef_squared_difference p = *(const ef_squared_difference *)parameters;
  for (int32_t i = run.length; i > 0; --i, run.a += run.a_step, run.b += run.b_step) {
    int32_t difference = ef_scaled((*run.a - p.a_zero) * 128, &p.a_scale) - ef_scaled((*run.b - p.b_zero) * 128, &p.b_scale);
    *run.out++ = (int8_t)ef_clamp(ef_scaled(difference * difference, &p.scale) + p.zero_point, -128, 127);
  }
}

EF_KERNEL void ef_squared_difference_same(const ef_squared_difference *p, const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_run run = {a, b, out, 1, 1, length};
  ef_squared_difference_any(p, run);
}

EF_KERNEL void ef_squared_difference_spread(const ef_squared_difference *p, const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_squared_difference_any, p, a, b, out);
}
