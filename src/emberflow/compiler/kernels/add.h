/* ADD and SUB of codes with scales of their own.
 *
 *   a' = round(((a - zero_a) << 20) * s_a / (2 s))      s = max(s_a, s_b)      code = clamp(zero + round((a' ± b') * 2 s / (2^20 * s_out)))
 *
 * Of two operands, one has the scale s: for it the factor is 1/2, and b' = (b - zero_b) << 19 exactly, whatever rounds. So only the other
 * one, here `a`, is multiplied and rounded. Both are held doubled, as the rounded high word of a product takes them. Source: TensorFlow
 * Lite for Microcontrollers' arithmetic, observed; LiteRT 8-bit specification.
 */
#include "scale.h"
#include "spread.h"

typedef struct {
  int32_t a_mantissa, a_offset; /* offset: -zero_a << 21 */
  int32_t b_offset;             /* -zero_b << 20 */
  int32_t out_mantissa;
  uint8_t a_right, out_right;
  int8_t zero_point, low, high;
} ef_add;

/* How the two are put together. */
enum { EF_A_PLUS_B, EF_B_MINUS_A, EF_A_MINUS_B };

/* The output's code times 2^out_right, to be shifted; `rounding` is half of that, and more to be added to the code. */
EF_INLINE int32_t ef_add_codes(const ef_add *p, int32_t a, int32_t b, int32_t rounding, int32_t kind) {
  int32_t twice_a = ef_round_shift(ef_high_word(a * ((int32_t)1 << 21) + p->a_offset, p->a_mantissa), p->a_right) * 2;
  int32_t twice_b = b * ((int32_t)1 << 20) + p->b_offset;
  int32_t sum = kind == EF_A_PLUS_B ? twice_a + twice_b : kind == EF_B_MINUS_A ? twice_b - twice_a : twice_a - twice_b;
  int32_t value = ef_high_word(sum, p->out_mantissa);
  return value + rounding + (value >> 31);
}

/* Of equal shapes, where all codes are let through to the output, and the zero point can be added before the shift. */
EF_INLINE void ef_add_same_shapes(const ef_add *parameters, const int8_t *a, const int8_t *b, int8_t *out, int32_t length, int32_t kind) {
  ef_add p = *parameters;
  int32_t rounding = ((int32_t)1 << (p.out_right - 1)) + p.zero_point * ((int32_t)1 << p.out_right);
  for (; length >= 2; length -= 2, a += 2, b += 2, out += 2) {
    int32_t first = ef_add_codes(&p, a[0], b[0], rounding, kind), second = ef_add_codes(&p, a[1], b[1], rounding, kind);
    out[0] = (int8_t)ef_clamp(first >> p.out_right, -128, 127);
    out[1] = (int8_t)ef_clamp(second >> p.out_right, -128, 127);
  }
  if (length) *out = (int8_t)ef_clamp(ef_add_codes(&p, *a, *b, rounding, kind) >> p.out_right, -128, 127);
}

EF_INLINE void ef_add_run(const ef_add *p, ef_run run, int32_t kind) {
  int32_t rounding = (int32_t)(1u << (p->out_right - 1));
  for (int32_t i = run.length; i > 0; --i, run.a += run.a_step, run.b += run.b_step) {
    int32_t code = (ef_add_codes(p, *run.a, *run.b, rounding, kind) >> p->out_right) + p->zero_point;
    *run.out++ = (int8_t)ef_clamp(code, p->low, p->high);
  }
}

EF_KERNEL void ef_add_any(const void *p, ef_run run) { ef_add_run(p, run, EF_A_PLUS_B); }
EF_KERNEL void ef_b_minus_a_any(const void *p, ef_run run) { ef_add_run(p, run, EF_B_MINUS_A); }
EF_KERNEL void ef_a_minus_b_any(const void *p, ef_run run) { ef_add_run(p, run, EF_A_MINUS_B); }

EF_KERNEL void ef_add_same(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_add_same_shapes(p, a, b, out, length, EF_A_PLUS_B);
}

EF_KERNEL void ef_b_minus_a_same(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_add_same_shapes(p, a, b, out, length, EF_B_MINUS_A);
}

EF_KERNEL void ef_a_minus_b_same(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_add_same_shapes(p, a, b, out, length, EF_A_MINUS_B);
}

EF_KERNEL void ef_add_spread(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_add_any, p, a, b, out);
}

EF_KERNEL void ef_b_minus_a_spread(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_b_minus_a_any, p, a, b, out);
}

EF_KERNEL void ef_a_minus_b_spread(const ef_add *p, const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_a_minus_b_any, p, a, b, out);
}
