/* MAXIMUM and MINIMUM: the greater or lesser of two codes of one scale. Source: LiteRT 8-bit specification. */
#include "spread.h"

EF_KERNEL void ef_maximum_any(const void *p, ef_run run) {
  (void)p;
  for (int32_t i = run.length; i > 0; --i, run.a += run.a_step, run.b += run.b_step) *run.out++ = *run.a > *run.b ? *run.a : *run.b;
}

EF_KERNEL void ef_minimum_any(const void *p, ef_run run) {
  (void)p;
  for (int32_t i = run.length; i > 0; --i, run.a += run.a_step, run.b += run.b_step) *run.out++ = *run.a < *run.b ? *run.a : *run.b;
}

EF_KERNEL void ef_maximum_same(const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_run run = {a, b, out, 1, 1, length};
  ef_maximum_any(0, run);
}

EF_KERNEL void ef_minimum_same(const int8_t *a, const int8_t *b, int8_t *out, int32_t length) {
  ef_run run = {a, b, out, 1, 1, length};
  ef_minimum_any(0, run);
}

EF_KERNEL void ef_maximum_spread(const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_maximum_any, 0, a, b, out);
}

EF_KERNEL void ef_minimum_spread(const int8_t *a, const int8_t *b, int8_t *out, const ef_spread *spread) {
  ef_spread_runs(spread, ef_minimum_any, 0, a, b, out);
}
