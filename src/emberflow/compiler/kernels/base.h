/* What every kernel needs: types, copying without libc, and how functions are kept apart.
 *
 * All kernels are static functions of the one file that holds the model: whatever it doesn't call isn't there.
 */
#include <stdint.h>

#if defined(__GNUC__)
#define EF_KERNEL static __attribute__((noinline, unused))
#define EF_INLINE static inline __attribute__((always_inline, unused))
#define EF_COPY(to, from, bytes) __builtin_memcpy(to, from, bytes)
#define EF_FILL(to, byte, bytes) __builtin_memset(to, byte, bytes)
#else
#include <string.h>
#define EF_KERNEL static
#define EF_INLINE static inline
#define EF_COPY(to, from, bytes) memcpy(to, from, bytes)
#define EF_FILL(to, byte, bytes) memset(to, byte, bytes)
#endif

/* `bytes` bytes, in words as long as there are four: a copy of some tens of bytes, which isn't worth a call. */
EF_INLINE void ef_copy_run(int8_t *to, const int8_t *from, int32_t bytes) {
  for (; bytes >= 4; bytes -= 4, to += 4, from += 4) EF_COPY(to, from, 4);
  for (; bytes > 0; --bytes) *to++ = *from++;
}

EF_INLINE void ef_fill_run(int8_t *to, int8_t byte, int32_t bytes) {
  for (; bytes > 0; --bytes) *to++ = byte;
}

EF_INLINE int32_t ef_clamp(int32_t value, int32_t low, int32_t high) {
  value = value < low ? low : value;
  return value > high ? high : value;
}

/* How many bits stand before the highest set one; `word` isn't 0. */
EF_INLINE int32_t ef_leading_zeros(uint32_t word) {
#if defined(__GNUC__) && (defined(__ARM_FEATURE_CLZ) || defined(EF_EMULATE_DSP))
  return __builtin_clz(word);
#else
  int32_t count = 0;
  if (!(word >> 16)) count += 16, word <<= 16;
  if (!(word >> 24)) count += 8, word <<= 8;
  if (!(word >> 28)) count += 4, word <<= 4;
  if (!(word >> 30)) count += 2, word <<= 2;
  return count + !(word >> 31);
#endif
}
