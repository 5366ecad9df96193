/* CAST: the same number in another type, element by element.
 *
 * Whole numbers keep their lowest bits; to bool, all but 0 is 1. Of a float the part behind the point goes, what is beyond the type gets its
 * last number, and what is no number 0. Types of one width that differ by their sign have the same bytes and need no kernel.
 * Source: TensorFlow Lite for Microcontrollers' answers.
 */
#include "base.h"

#define EF_CAST(name, from, to, value)                                          \
  EF_KERNEL void ef_cast_##name(const void *in, void *out, int32_t length) { \
    const from *read = in;                                                      \
    to *written = out;                                                          \
    for (int32_t i = 0; i < length; ++i) {                                      \
      from x = read[i];                                                         \
      written[i] = (to)(value);                                                 \
    }                                                                           \
  }

EF_CAST(int8_to_int16, int8_t, int16_t, x)
EF_CAST(int8_to_int32, int8_t, int32_t, x)
EF_CAST(int16_to_int8, int16_t, int8_t, x)
EF_CAST(int16_to_int32, int16_t, int32_t, x)
EF_CAST(int32_to_int8, int32_t, int8_t, x)
EF_CAST(int32_to_int16, int32_t, int16_t, x)
EF_CAST(bool_to_int16, uint8_t, int16_t, x)
EF_CAST(bool_to_int32, uint8_t, int32_t, x)

EF_CAST(int8_to_bool, int8_t, uint8_t, x != 0)
EF_CAST(int16_to_bool, int16_t, uint8_t, x != 0)
EF_CAST(int32_to_bool, int32_t, uint8_t, x != 0)
EF_CAST(float32_to_bool, float, uint8_t, x != 0.0f)

EF_CAST(int8_to_float32, int8_t, float, x)
EF_CAST(int16_to_float32, int16_t, float, x)
EF_CAST(int32_to_float32, int32_t, float, x)
EF_CAST(uint32_to_float32, uint32_t, float, x)
EF_CAST(bool_to_float32, uint8_t, float, x)

EF_CAST(float32_to_int8, float, int8_t, x >= 128.0f ? 127 : x > -129.0f ? (int32_t)x : x == x ? -128 : 0)
EF_CAST(float32_to_int16, float, int16_t, x >= 32768.0f ? 32767 : x > -32769.0f ? (int32_t)x : x == x ? -32768 : 0)
EF_CAST(float32_to_int32, float, int32_t, x >= 2147483648.0f ? INT32_MAX : x >= -2147483648.0f ? (int32_t)x : x == x ? INT32_MIN : 0)
EF_CAST(float32_to_uint32, float, uint32_t, x >= 4294967296.0f ? UINT32_MAX : x > -1.0f ? (uint32_t)x : 0)
