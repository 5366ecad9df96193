/* CONV_2D whose rows of weights are packed in flash. The formula and the columns are those of conv.h; each row is decoded once for four
 * pixels, to scratch behind the columns.
 */
#include "conv.h"
#include "rows.h"

/* One group's output channels of `count` pixels, as ef_tile does it; `rows` stands before the group's first row. */
EF_INLINE void ef_tile_decoded(const ef_conv *p, ef_rows *rows, void *scratch, int32_t group, int32_t words, int32_t count, int8_t *out,
                               int32_t is_wide) {
  int32_t channels = p->out_channels, first = group * (channels / p->groups), end = first + channels / p->groups;
  int32_t step1 = count > 1 ? channels : 0, step2 = count > 2 ? 2 * channels : 0, step3 = count > 3 ? 3 * channels : 0;
  int8_t *row = (int8_t *)scratch + 36 * words;
  for (int32_t r = first; r < end; ++r) {
    rows->packing->next.decode(rows, row);
    ef_channel channel = ef_channel_at(&p->rescale, r, is_wide);
    int32_t sums[4] = {channel.bias, channel.bias, channel.bias, channel.bias};
    ef_dot(row, scratch, words, sums);
    out[r + step3] = ef_rescale_sum(sums[3], channel, &p->rescale, is_wide);
    out[r + step2] = ef_rescale_sum(sums[2], channel, &p->rescale, is_wide);
    out[r + step1] = ef_rescale_sum(sums[1], channel, &p->rescale, is_wide);
    out[r] = ef_rescale_sum(sums[0], channel, &p->rescale, is_wide);
  }
}

/* The first tile of a group begins where the last one of the group before ended. */
EF_INLINE void ef_convolve_decoded(const ef_conv *p, const ef_packing *packing, const int8_t *in, int8_t *out, void *scratch,
                                   int32_t is_wide) {
  int32_t pixels = p->out_height * p->out_width, words = (p->height * p->width * (p->in_channels / p->groups) + 3) / 4;
  ef_rows rows = ef_first_row(packing);
  for (int32_t group = 0; group < p->groups; ++group) {
    ef_rows first = rows;
    for (int32_t pixel = 0; pixel < pixels; pixel += 4) {
      int32_t count = pixels - pixel < 4 ? pixels - pixel : 4;
      ef_columns(p, in, group, pixel, count, scratch);
      rows = first;
      ef_tile_decoded(p, &rows, scratch, group, words, count, out + pixel * p->out_channels, is_wide);
    }
  }
}

/* scratch: as ef_conv_2d has it, and a row. */
EF_KERNEL void ef_conv_2d_rows(const ef_conv *p, const ef_packing *packing, const int8_t *in, int8_t *out, void *scratch) {
  ef_convolve_decoded(p, packing, in, out, scratch, 0);
}

EF_KERNEL void ef_conv_2d_rows_wide(const ef_conv *p, const ef_packing *packing, const int8_t *in, int8_t *out, void *scratch) {
  ef_convolve_decoded(p, packing, in, out, scratch, 1);
}
