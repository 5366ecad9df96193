/* MUL: code = clamp(zero + round((a - zero_a) * (b - zero_b) * s_a * s_b / s_out)). Source: LiteRT 8-bit specification. */
#include "scale.h"
#include "spread.h"

typedef struct {
  ef_scale scale;
  int16_t a_zero, b_zero;
  int8_t zero_point, low, high;
} ef_mul;

EF_INLINE void ef_mul_run(const ef_mul *parameters, ef_run run) {
  ef_mul p = *parameters;
  for (int32_t i = run.length; i > 0; --i, run.a += run.a_step, run.b += run.b_step) {
    int32_t product = (*run.a - p.a_zero) * (*run.b - p.b_zero);
    *run.out++ = (int8_t)ef_clamp(ef_scaled(product, &p.scale) + p.zero_point, p.low, p.high);
  }
}

EF_KERNEL void ef_mul_any(const void *p, ef_run run) { ef_mul_run(p, run); }

EF_KERNEL void ef_mul_same(const ef_mul *p, const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_run run = {a, b, out, 1, 1, length};
  ef_mul_run(p, run);
}

EF_KERNEL void ef_mul_spread(const ef_mul *p, const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_mul_any, p, a, b, out);
}
