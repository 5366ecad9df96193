/* QUANTIZE and DEQUANTIZE between codes and floats, at the border of a model.
 *
 *   code = clamp(zero + round(x / scale)), halves away from zero      x = scale * (code - zero)
 *
 * What is no number gets the lowest code. Source: LiteRT 8-bit specification.
 */
#include "base.h"

typedef struct {
  float scale;
  int32_t zero_point;
  int32_t length;
} ef_border;

EF_KERNEL void ef_quantize(const ef_border *p, const float *in, int8_t *out) {
  for (int32_t i = 0; i < p->length; ++i) {
    float steps = in[i] / p->scale;
    int32_t whole = steps >= 512.0f ? 512 : steps > -512.0f ? (int32_t)steps : -512; /* beyond any code already */
    float rest = steps - (float)whole;
    whole += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
    out[i] = (int8_t)ef_clamp(whole + p->zero_point, -128, 127);
  }
}

EF_KERNEL void ef_dequantize(const ef_border *p, const int8_t *in, float *out) {
  for (int32_t i = 0; i < p->length; ++i) out[i] = p->scale * (float)(in[i] - p->zero_point);
}

EF_KERNEL void ef_dequantize_unsigned(const ef_border *p, const uint8_t *in, float *out) {
  for (int32_t i = 0; i < p->length; ++i) out[i] = p->scale * (float)(in[i] - p->zero_point);
}
