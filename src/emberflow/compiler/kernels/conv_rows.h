/* CONV_2D whose rows of weights are packed in flash. The formula is that of conv.h; a row is decoded once for four pixels.
 *
 * Rows that have a table are multiplied with the columns of conv.h. Rows that have a bitmap are multiplied where they aren't 0, at places
 * that follow no order; their columns are bytes, and the four that a weight is multiplied with lie in one word. With 70 % of zeros less is
 * executed than with all the weights.
 */
#include "conv.h"
#include "rows.h"

/* `bytes` bytes from each of four addresses, side by side; gives the place behind. */
EF_KERNEL int8_t *ef_interleave(const int8_t *const from[4], int32_t bytes, int8_t *to) {
  const int8_t *a = from[0], *b = from[1], *c = from[2], *d = from[3];
#ifdef EF_DSP
  for (; bytes >= 4; bytes -= 4, a += 4, b += 4, c += 4, d += 4, to += 16) {
    const uint32_t low = 0xFF00FFu;
    uint32_t p = ef_word(a), q = ef_word(b), r = ef_word(c), s = ef_word(d);
    uint32_t first = (p & low) | (q & low) << 8, second = (r & low) | (s & low) << 8; /* bytes 0 and 2 of two pixels */
    uint32_t words[4] = {(first & 0xFFFFu) | second << 16, 0, first >> 16 | (second & 0xFFFF0000u), 0};
    first = (p >> 8 & low) | (q >> 8 & low) << 8, second = (r >> 8 & low) | (s >> 8 & low) << 8; /* bytes 1 and 3 */
    words[1] = (first & 0xFFFFu) | second << 16, words[3] = first >> 16 | (second & 0xFFFF0000u);
    EF_COPY(to, words, 16);
  }
#endif
  for (; bytes > 0; --bytes, to += 4) to[0] = *a++, to[1] = *b++, to[2] = *c++, to[3] = *d++;
  return to;
}

/* The inputs of `count` pixels, from `pixel` on. Where there are fewer than four, the first stands for the others; taps outside of the
 * image are read from a line of zero points. */
EF_KERNEL void ef_interleaved_columns(const ef_conv *p, const int8_t *in, int32_t pixel, int32_t count, const int8_t *outside, int8_t *to) {
  int32_t channels = p->in_channels / p->groups, tops[4], lefts[4];
  const int8_t *from[4];
  if (p->pointwise) {
    for (int32_t k = 0; k < 4; ++k) from[k] = in + (pixel + (k < count ? k : 0)) * channels;
    ef_interleave(from, channels, to);
    return;
  }
  for (int32_t k = 0; k < 4; ++k) {
    int32_t index = pixel + (k < count ? k : 0), y = index / p->out_width;
    tops[k] = y * p->stride_y - p->pad_y, lefts[k] = (index - y * p->out_width) * p->stride_x - p->pad_x;
  }
  for (int32_t i = 0; i < p->height; ++i) {
    ef_row rows[4];
    int32_t is_run = 1;
    for (int32_t k = 0; k < 4; ++k) rows[k] = ef_row_at(p, in, tops[k], lefts[k], i), is_run &= rows[k].is_run;
    int32_t taps = is_run ? 1 : p->width, bytes = is_run ? p->width * channels : channels;
    for (int32_t j = 0; j < taps; ++j) {
      for (int32_t k = 0; k < 4; ++k) {
        from[k] = ef_tap(p, rows[k], j);
        if (!from[k]) from[k] = outside;
      }
      to = ef_interleave(from, bytes, to);
    }
  }
}

/* One group's output channels of `count` pixels; `rows` stands before the group's first row. */
EF_INLINE void ef_tile_rows(const ef_conv *p, ef_rows *rows, const void *columns, int32_t group, int32_t count, int8_t *out, int32_t is_wide) {
  int32_t channels = p->out_channels, first = group * (channels / p->groups), end = first + channels / p->groups;
  /* pixels that aren't there are written first, to the place of the first, which is written last */
  int32_t step1 = count > 1 ? channels : 0, step2 = count > 2 ? 2 * channels : 0, step3 = count > 3 ? 3 * channels : 0;
  for (int32_t r = first; r < end; ++r) {
    ef_channel channel = ef_channel_at(&p->rescale, r, is_wide);
    int32_t sums[4] = {channel.bias, channel.bias, channel.bias, channel.bias};
    rows->packing->next.four(rows, columns, sums);
    out[r + step3] = ef_rescale_sum(sums[3], channel, &p->rescale, is_wide);
    out[r + step2] = ef_rescale_sum(sums[2], channel, &p->rescale, is_wide);
    out[r + step1] = ef_rescale_sum(sums[1], channel, &p->rescale, is_wide);
    out[r] = ef_rescale_sum(sums[0], channel, &p->rescale, is_wide);
  }
}

/* Every tile of a group begins where the last one of the group before ended. */
EF_INLINE void ef_convolve_rows(const ef_conv *p, const ef_packing *packing, const int8_t *in, int8_t *out, int8_t *scratch, int32_t is_sparse,
                                int32_t is_wide) {
  int32_t pixels = p->out_height * p->out_width, channels = p->in_channels / p->groups;
  int8_t *outside = scratch + 4 * packing->depth;
  ef_rows rows = ef_first_row(packing);
  if (is_sparse) ef_fill_run(outside, p->in_zero_point, channels);
  for (int32_t group = 0; group < p->groups; ++group) {
    ef_rows first = rows;
    for (int32_t pixel = 0; pixel < pixels; pixel += 4) {
      int32_t count = pixels - pixel < 4 ? pixels - pixel : 4;
      if (is_sparse) {
        ef_interleaved_columns(p, in + group * channels, pixel, count, outside, scratch);
      } else {
        ef_columns(p, in, group, pixel, count, scratch);
      }
      rows = first;
      ef_tile_rows(p, &rows, scratch, group, count, out + pixel * p->out_channels, is_wide);
    }
  }
}

/* scratch: as ef_conv_2d has it. */
EF_KERNEL void ef_conv_2d_table(const ef_conv *p, const ef_packing *packing, const int8_t *in, int8_t *out, void *scratch) {
  ef_convolve_rows(p, packing, in, out, scratch, 0, 0);
}

EF_KERNEL void ef_conv_2d_table_wide(const ef_conv *p, const ef_packing *packing, const int8_t *in, int8_t *out, void *scratch) {
  ef_convolve_rows(p, packing, in, out, scratch, 0, 1);
}

/* scratch: four bytes for each byte of a row, and one for each input channel of a group. */
EF_KERNEL void ef_conv_2d_bitmap(const ef_conv *p, const ef_packing *packing, const int8_t *in, int8_t *out, void *scratch) {
  ef_convolve_rows(p, packing, in, out, scratch, 1, 0);
}

EF_KERNEL void ef_conv_2d_bitmap_wide(const ef_conv *p, const ef_packing *packing, const int8_t *in, int8_t *out, void *scratch) {
  ef_convolve_rows(p, packing, in, out, scratch, 1, 1);
}
