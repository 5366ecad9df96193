/* Bias, multiplier and shift of an output channel, packed into two words of flash.
 *
 *   word 0: bias * 64 + right, where the shift is -right      word 1: mantissa
 *
 * The compiler packs a layer so when every bias fits in 26 bits, every sum in 31 and every shift is from -31 to -1, which is so in all
 * but odd models. Then a sum is requantized in five instructions: doubling, SMMULR (the rounded high half of a 64-bit product), and a
 * rounding shift, halves away from zero. Other layers are `wide`: three words, and the general formula.
 */
#include "requantize.h"

typedef struct {
  int32_t bias, mantissa, shift; /* of a wide layer: bias, mantissa, shift; else bias, mantissa, right */
  int32_t half;                  /* 2^(right - 1) */
} ef_channel;

typedef struct {
  const int32_t *words;
  int8_t zero_point, low, high;
  uint8_t wide; /* 0: packed, 1: three words, rounded twice, 2: three words, rounded once */
} ef_rescale;

EF_INLINE ef_channel ef_channel_at(const ef_rescale *p, int32_t index) {
  ef_channel channel;
  if (p->wide) {
    const int32_t *words = p->words + 3 * index;
    channel.bias = words[0], channel.mantissa = words[1], channel.shift = words[2], channel.half = 0;
  } else {
    const int32_t *words = p->words + 2 * index;
    channel.bias = words[0] >> 6, channel.mantissa = words[1], channel.shift = words[0] & 63;
    channel.half = (int32_t)(1u << channel.shift) >> 1;
  }
  return channel;
}

/* A sum of a packed layer; |sum| < 2^30. */
EF_INLINE int32_t ef_rescale_packed(int32_t sum, ef_channel channel) {
  int32_t high = (int32_t)(((int64_t)(sum * 2) * channel.mantissa + 0x80000000LL) >> 32);
  return (high + channel.half + (high >> 31)) >> channel.shift;
}

EF_INLINE int32_t ef_rescale_wide(int32_t sum, ef_channel channel, int32_t once) {
  return once ? ef_requantize_once(sum, channel.mantissa, channel.shift) : ef_requantize(sum, channel.mantissa, channel.shift);
}

/* The output's code for a sum that contains the bias. */
EF_INLINE int8_t ef_rescale_sum(int32_t sum, ef_channel channel, const ef_rescale *p) {
  int32_t value = p->wide ? ef_rescale_wide(sum, channel, p->wide == 2) : ef_rescale_packed(sum, channel);
  return (int8_t)ef_clamp(value + p->zero_point, p->low, p->high);
}
