/* FULLY_CONNECTED whose rows of weights are packed in flash. The formula is that of fully_connected.h; each row is multiplied with the
 * input while it is decoded, so that zeros of a bitmap cost nothing and no row is kept in memory.
 */
#include "fully_connected.h"
#include "rows.h"

EF_INLINE void ef_dense_decoded(const ef_dense *p, const ef_packing *packing, const int8_t *in, int8_t *out, int32_t is_wide) {
  for (int32_t batch = 0; batch < p->batches; ++batch, in += p->depth) {
    ef_rows rows = ef_first_row(packing);
    for (int32_t o = 0; o < p->outputs; ++o) *out++ = ef_dense_code(p, packing->next.dot(&rows, in), o, is_wide);
  }
}

EF_KERNEL void ef_fully_connected_rows(const ef_dense *p, const ef_packing *packing, const int8_t *in, int8_t *out) {
  ef_dense_decoded(p, packing, in, out, 0);
}

EF_KERNEL void ef_fully_connected_rows_wide(const ef_dense *p, const ef_packing *packing, const int8_t *in, int8_t *out) {
  ef_dense_decoded(p, packing, in, out, 1);
}
