/* ARG_MAX and ARG_MIN: the place of the greatest or least code along an axis; of several that are equal, the first. */
#include "base.h"

/* in: (outer, size, inner); out: (outer, inner); sign: 1 for the greatest, -1 for the least. */
EF_KERNEL void ef_arg(const int8_t *in, int32_t *out, int32_t outer, int32_t size, int32_t inner, int32_t sign) {
  for (; outer > 0; --outer, in += size * inner) {
    for (int32_t i = 0; i < inner; ++i) {
      int32_t best = 0;
      for (int32_t k = 1; k < size; ++k) best = sign * in[k * inner + i] > sign * in[best * inner + i] ? k : best;
      *out++ = best;
    }
  }
}
