/* ADD and SUB of codes with scales of their own.
 *
 *   a' = round(((a - zero_a) << 20) * s_a / (2 s))      s = max(s_a, s_b)      code = clamp(zero + round((a' ± b') * 2 s / (2^20 * s_out)))
 *
 * Of two operands, one has the scale s: for it the factor is 1/2, and b' = (b - zero_b) << 19 exactly, whatever rounds. So only the other
 * one, here `a`, is multiplied and rounded. Source: TensorFlow Lite for Microcontrollers' arithmetic, observed; LiteRT 8-bit specification.
 */
#include "scale.h"
#include "spread.h"

typedef struct {
  int32_t a_mantissa, a_offset; /* offset: -zero_a << a_left */
  int32_t b_factor, b_offset;   /* ±2^19, and -zero_b times it */
  int32_t out_mantissa;
  uint8_t a_left, a_right, out_right;
  int8_t zero_point, low, high;
} ef_add;

EF_INLINE int8_t ef_add_codes(const ef_add *p, int32_t a, int32_t b, int32_t sign) {
  int32_t rounded = ef_round_shift(ef_high_word(a * (1 << p->a_left) + p->a_offset, p->a_mantissa), p->a_right);
  int32_t sum = sign * rounded + (b * p->b_factor + p->b_offset);
  return (int8_t)ef_clamp(ef_round_shift(ef_high_word(sum * 2, p->out_mantissa), p->out_right) + p->zero_point, p->low, p->high);
}

EF_INLINE void ef_add_run(const ef_add *parameters, ef_run run, int32_t sign) {
  ef_add p = *parameters;
  for (int32_t i = run.length; i > 0; --i, run.a += run.a_step, run.b += run.b_step) *run.out++ = ef_add_codes(&p, *run.a, *run.b, sign);
}

static void ef_add_any(const void *p, ef_run run) { ef_add_run(p, run, 1); }
static void ef_sub_any(const void *p, ef_run run) { ef_add_run(p, run, -1); }

/* b + a */
EF_KERNEL void ef_add_same(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_run run = {a, b, out, 1, 1, length};
  ef_add_run(p, run, 1);
}

/* b - a */
EF_KERNEL void ef_sub_same(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_run run = {a, b, out, 1, 1, length};
  ef_add_run(p, run, -1);
}

EF_KERNEL void ef_add_spread(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_add_any, p, a, b, out);
}

EF_KERNEL void ef_sub_spread(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_sub_any, p, a, b, out);
}
