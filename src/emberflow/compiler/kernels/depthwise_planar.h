/* DEPTHWISE_CONV_2D with kernels of 3x3, strides of 1 or 2, one kernel a channel: the common case, a channel at a time.
 *
 * The channel's image is copied into scratch as 16-bit numbers with its border of zero points, so that taps lie two to a word and borders
 * need no code of their own. A row of the kernel is two words, (w0, w1) and (w1, w2); with x0 x1 | x2 x3 from the image, one output is
 * x0 w0 + x1 w1, x2 w2 and the next is x1 w0, x2 w1 + x3 w2: two instructions each. Source: LiteRT 8-bit specification.
 */
#include "channel.h"
#include "dsp.h"

typedef struct {
  const int8_t *weights; /* nine bytes a channel */
  ef_rescale rescale;
  uint16_t in_width, channels; /* in_width: columns from one row of the image to the next */
  uint16_t rows, columns;      /* of the image, as far as the kernel reaches */
  uint16_t plane_width, plane_height;
  uint16_t out_height, out_width;
  uint8_t stride_y, stride_x;
  uint8_t pad_y, pad_x;
  int8_t in_zero_point;
} ef_planar;

/* The image of one channel, into the plane. */
EF_INLINE void ef_fill_plane(const ef_planar *p, const int8_t *in, int16_t *plane) {
  int32_t columns = p->columns, step = p->channels, skipped = p->plane_width - columns, behind = (p->in_width - columns) * step;
  plane += p->pad_y * p->plane_width + p->pad_x;
  for (int32_t rows = p->rows; rows; --rows, plane += skipped, in += behind) {
    for (int32_t left = columns; left; --left, in += step) *plane++ = *in;
  }
}

/* All outputs of one channel. */
#ifdef EF_DSP
EF_INLINE void ef_planar_channel(const ef_planar *p, const int16_t *plane, const int8_t *w, ef_channel channel, int8_t *out, int32_t is_wide) {
  uint32_t first0 = ef_halves(w[0], w[1]), last0 = ef_halves(w[1], w[2]);
  uint32_t first1 = ef_halves(w[3], w[4]), last1 = ef_halves(w[4], w[5]);
  uint32_t first2 = ef_halves(w[6], w[7]), last2 = ef_halves(w[7], w[8]);
  int32_t pitch = p->plane_width / 2, step = p->channels, is_dense = p->stride_x == 1;
  for (int32_t rows = p->out_height; rows; --rows, plane += p->stride_y * p->plane_width) {
    const uint32_t *row = (const uint32_t *)(const void *)plane;
    for (int32_t left = p->out_width; left > 0; --left, ++row, out += step) {
      uint32_t x01 = row[0], x23 = row[1], y01 = row[pitch], y23 = row[pitch + 1], z01 = row[2 * pitch], z23 = row[2 * pitch + 1];
      int32_t sum0 = ef_low_high(x23, last0, ef_dual(x01, first0, channel.bias));
      sum0 = ef_low_high(y23, last1, ef_dual(y01, first1, sum0));
      sum0 = ef_low_high(z23, last2, ef_dual(z01, first2, sum0));
      out[0] = ef_rescale_sum(sum0, channel, &p->rescale, is_wide);
      if (is_dense && --left) {
        int32_t sum1 = ef_high_low(x01, first0, ef_dual(x23, last0, channel.bias));
        sum1 = ef_high_low(y01, first1, ef_dual(y23, last1, sum1));
        sum1 = ef_high_low(z01, first2, ef_dual(z23, last2, sum1));
        out += step;
        out[0] = ef_rescale_sum(sum1, channel, &p->rescale, is_wide);
      }
    }
  }
}
#else
EF_INLINE void ef_planar_channel(const ef_planar *p, const int16_t *plane, const int8_t *w, ef_channel channel, int8_t *out, int32_t is_wide) {
  for (int32_t y = 0; y < p->out_height; ++y, plane += p->stride_y * p->plane_width) {
    for (int32_t x = 0; x < p->out_width; ++x, out += p->channels) {
      const int16_t *row = plane + x * p->stride_x;
      int32_t sum = channel.bias;
      for (int32_t i = 0; i < 9; i += 3, row += p->plane_width) sum += row[0] * w[i] + row[1] * w[i + 1] + row[2] * w[i + 2];
      *out = ef_rescale_sum(sum, channel, &p->rescale, is_wide);
    }
  }
}
#endif

EF_INLINE void ef_planar_channels(const ef_planar *p, const int8_t *in, int8_t *out, int16_t *plane, int32_t is_wide) {
  for (int32_t i = 0; i < p->plane_width * p->plane_height; ++i) plane[i] = p->in_zero_point;
  for (int32_t c = 0; c < p->channels; ++c) {
    ef_channel channel = ef_channel_at(&p->rescale, c, is_wide);
    ef_fill_plane(p, in + c, plane);
    ef_planar_channel(p, plane, p->weights + 9 * c, channel, out + c, is_wide);
  }
}

/* scratch: the plane, two bytes a place. */
EF_KERNEL void ef_depthwise_planar(const ef_planar *p, const int8_t *in, int8_t *out, void *scratch) {
  ef_planar_channels(p, in, out, scratch, 0);
}

EF_KERNEL void ef_depthwise_planar_wide(const ef_planar *p, const int8_t *in, int8_t *out, void *scratch) {
  ef_planar_channels(p, in, out, scratch, 1);
}
