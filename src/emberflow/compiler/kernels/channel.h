/* Bias, multiplier and shift of an output channel, and how they turn its sums into codes.
 *
 * Packed layers, which nearly all are, keep two words a channel in flash:
 *
 *   word 0: bias * 64 + right, where the shift is -right      word 1: 2 * mantissa - 2^32
 *
 * The rounded high half of sum * mantissa / 2^31 is then sum + high half of sum * word 1 (rounded), one instruction where there is a DSP
 * extension (SMMLAR), because sum * (2 * mantissa - 2^32) / 2^32 + sum = sum * mantissa / 2^31. The zero point and the half for rounding are
 * added in one step, before the shift:  floor((v + half - (v < 0)) / 2^right) + zero_point
 *                                     = floor((v + half + zero_point * 2^right - (v < 0)) / 2^right).
 * It takes a bias of 26 bits, sums of 30 bits, and right from 1 to 22; the codes aren't bounded but by their type.
 *
 * Wide layers keep three words: bias, mantissa, shift. They go by the general formula and bound the codes as the fused activation says.
 */
#include "requantize.h"

typedef struct {
  const int32_t *words;
  int8_t zero_point;
  int8_t low, high; /* bounds of the codes, of a wide layer */
  uint8_t once;     /* a wide layer's sums are rounded once, not twice */
} ef_rescale;

typedef struct {
  int32_t bias;
  int32_t mantissa;        /* of a packed layer: word 1 */
  int32_t shift, rounding; /* of a packed layer: right, and (2 * zero_point + 1) * 2^(right - 1) */
} ef_channel;

EF_INLINE ef_channel ef_channel_at(const ef_rescale *p, int32_t index, int32_t is_wide) {
  const int32_t *words = p->words + (is_wide ? 3 : 2) * index;
  int32_t right = words[0] & 63;
  if (is_wide) return (ef_channel){words[0], words[1], words[2], 0};
  return (ef_channel){words[0] >> 6, words[1], right, (int32_t)((uint32_t)(2 * p->zero_point + 1) << right) >> 1};
}

/* The output's code for a sum that contains the bias. */
EF_INLINE int8_t ef_rescale_sum(int32_t sum, ef_channel channel, const ef_rescale *p, int32_t is_wide) {
  if (is_wide) {
    int32_t value = p->once ? ef_requantize_once(sum, channel.mantissa, channel.shift) : ef_requantize(sum, channel.mantissa, channel.shift);
    return (int8_t)ef_clamp(value + p->zero_point, p->low, p->high);
  }
  int32_t value = (int32_t)(((int64_t)sum * channel.mantissa + 0x80000000LL) >> 32) + sum;
  return (int8_t)ef_clamp((value + (value >> 31) + channel.rounding) >> channel.shift, -128, 127);
}
