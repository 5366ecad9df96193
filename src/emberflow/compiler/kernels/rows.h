/* Rows of weights that are packed in flash and decoded one at a time, in order.
 *
 *   table           weight[k] = table[index[k]]                        indices of 1 to 6 bits, lowest bits first
 *   bitmap          weight[k] = bit[k] ? next value : 0                a bit a weight, highest first
 *   bitmap, table   weight[k] = bit[k] ? table[next index] : 0         indices in words, as many as go into 32 bits, lowest bits first
 *
 * A row's indices (table) or bits (bitmap) begin at a whole byte. Tables belong to the layer; each row says which one it has, where there
 * are several. A layer names its decoder by a pointer to a function, so that decoders that no layer names aren't linked. There are three
 * kinds: `decode` writes a row to memory, for a convolution's four pixels; `dot` multiplies it with one input as it goes; `four` with the
 * inputs of four pixels, which is worth it where most weights are 0 and cost nothing. The formats are Emberflow's own (compiler/weights).
 */
#include "dsp.h"

struct ef_packing;

/* Where decoding stands. A copy comes back to the row at which it was made. */
typedef struct {
  const struct ef_packing *packing;
  const void *codes;
  const uint8_t *masks, *numbers;
  uint32_t word; /* indices that were taken from `codes` and not used yet, and how many */
  int32_t left;
} ef_rows;

typedef struct ef_packing {
  union {
    void (*decode)(ef_rows *rows, int8_t *row);                    /* zeros behind it up to a multiple of 4 */
    int32_t (*dot)(ef_rows *rows, const int8_t *in);               /* gives the sum of products with `in` */
    void (*four)(ef_rows *rows, const int8_t *in, int32_t sums[4]); /* adds four inputs' products; bytes k of all four lie together */
  } next;
  const void *codes;
  const uint8_t *masks;
  const int8_t *tables;
  const uint8_t *numbers; /* of each row's table; NULL where there is one table */
  uint16_t depth;
  uint8_t entries; /* of a table */
} ef_packing;

EF_INLINE ef_rows ef_first_row(const ef_packing *packing) {
  ef_rows rows = {packing, packing->codes, packing->masks, packing->numbers, 0, 0};
  return rows;
}

EF_INLINE const int8_t *ef_take_table(ef_rows *rows) {
  const int8_t *tables = rows->packing->tables;
  return rows->numbers ? tables + *rows->numbers++ * rows->packing->entries : tables;
}

enum { EF_DECODE, EF_DOT };

/* One weight: to memory, or into the sum of products. */
EF_INLINE int32_t ef_give(int32_t way, int32_t weight, int8_t *row, const int8_t *in, int32_t k, int32_t sum) {
  if (way == EF_DOT) return sum + weight * in[k];
  row[k] = (int8_t)weight;
  return sum;
}

/* Eight weights have 8 * bits bits. The first four lie in the word at their begin, the others in the same, or with more than 4 bits in
 * the one that begins half of `bits` bytes later. */
EF_INLINE uint32_t ef_later_four(uint32_t four, const uint8_t *codes, int32_t bits) {
  return bits <= 4 ? four >> 4 * bits % 32 : ef_word(codes + bits / 2) >> bits % 2 * 4;
}

EF_INLINE int32_t ef_unpack(ef_rows *rows, int32_t way, int8_t *row, const int8_t *in, int32_t bits) {
  const int8_t *table = ef_take_table(rows);
  const uint8_t *codes = rows->codes;
  uint32_t low = (1u << bits) - 1;
  int32_t depth = rows->packing->depth, sum = 0;
  rows->codes = codes + (depth * bits + 7) / 8;
  for (; depth >= 8; depth -= 8, codes += bits) {
    uint32_t four = ef_word(codes), later = ef_later_four(four, codes, bits);
    sum = ef_give(way, table[four & low], row, in, 0, sum);
    sum = ef_give(way, table[four >> bits & low], row, in, 1, sum);
    sum = ef_give(way, table[four >> 2 * bits & low], row, in, 2, sum);
    sum = ef_give(way, table[four >> 3 * bits & low], row, in, 3, sum);
    sum = ef_give(way, table[later & low], row, in, 4, sum);
    sum = ef_give(way, table[later >> bits & low], row, in, 5, sum);
    sum = ef_give(way, table[later >> 2 * bits & low], row, in, 6, sum);
    sum = ef_give(way, table[later >> 3 * bits & low], row, in, 7, sum);
    if (way == EF_DOT) in += 8;
    if (way == EF_DECODE) row += 8;
  }
  if (depth) {
    uint32_t four = ef_word(codes), later = ef_later_four(four, codes, bits);
    for (int32_t k = 0; k < depth; ++k, four >>= bits) {
      if (k == 4) four = later;
      sum = ef_give(way, table[four & low], row, in, k, sum);
    }
    if (way == EF_DECODE) for (int32_t k = depth; k & 3; ++k) row[k] = 0;
  }
  return sum;
}

EF_KERNEL void ef_decode_table_1(ef_rows *rows, int8_t *row) { ef_unpack(rows, EF_DECODE, row, 0, 1); }
EF_KERNEL void ef_decode_table_2(ef_rows *rows, int8_t *row) { ef_unpack(rows, EF_DECODE, row, 0, 2); }
EF_KERNEL void ef_decode_table_3(ef_rows *rows, int8_t *row) { ef_unpack(rows, EF_DECODE, row, 0, 3); }
EF_KERNEL void ef_decode_table_4(ef_rows *rows, int8_t *row) { ef_unpack(rows, EF_DECODE, row, 0, 4); }
EF_KERNEL void ef_decode_table_5(ef_rows *rows, int8_t *row) { ef_unpack(rows, EF_DECODE, row, 0, 5); }
EF_KERNEL void ef_decode_table_6(ef_rows *rows, int8_t *row) { ef_unpack(rows, EF_DECODE, row, 0, 6); }
EF_KERNEL int32_t ef_dot_table_1(ef_rows *rows, const int8_t *in) { return ef_unpack(rows, EF_DOT, 0, in, 1); }
EF_KERNEL int32_t ef_dot_table_2(ef_rows *rows, const int8_t *in) { return ef_unpack(rows, EF_DOT, 0, in, 2); }
EF_KERNEL int32_t ef_dot_table_3(ef_rows *rows, const int8_t *in) { return ef_unpack(rows, EF_DOT, 0, in, 3); }
EF_KERNEL int32_t ef_dot_table_4(ef_rows *rows, const int8_t *in) { return ef_unpack(rows, EF_DOT, 0, in, 4); }
EF_KERNEL int32_t ef_dot_table_5(ef_rows *rows, const int8_t *in) { return ef_unpack(rows, EF_DOT, 0, in, 5); }
EF_KERNEL int32_t ef_dot_table_6(ef_rows *rows, const int8_t *in) { return ef_unpack(rows, EF_DOT, 0, in, 6); }

/* The bits of 32 weights, the first one's highest; zeros for those that aren't there. */
EF_INLINE uint32_t ef_mask_at(const uint8_t *from, int32_t weights) {
  uint32_t word = ef_word(from);
  word = word << 24 | (word << 8 & 0xFF0000u) | (word >> 8 & 0xFF00u) | word >> 24;
  return weights < 32 ? word & ~(0xFFFFFFFFu >> weights) : word;
}

/* Sums of one pixel, or of four. Names instead of an array, so that they stay in registers. */
typedef struct {
  int32_t a, b, c, d;
} ef_sums;

EF_INLINE ef_sums ef_add_products(ef_sums sums, int32_t weight, const int8_t *in, int32_t pixels) {
  if (pixels == 1) {
    sums.a += weight * in[0];
  } else {
#ifdef EF_DSP
    uint32_t word = ef_word(in), even = ef_even(word), odd = ef_odd(word);
    sums.a = ef_low(even, (uint32_t)weight, sums.a);
    sums.b = ef_low(odd, (uint32_t)weight, sums.b);
    sums.c = ef_high_low(even, (uint32_t)weight, sums.c);
    sums.d = ef_high_low(odd, (uint32_t)weight, sums.d);
#else
    sums.a += weight * in[0], sums.b += weight * in[1], sums.c += weight * in[2], sums.d += weight * in[3];
#endif
  }
  return sums;
}

/* With no bits for indices, weights stand for themselves. */
EF_INLINE ef_sums ef_multiply(ef_rows *rows, const int8_t *in, int32_t pixels, int32_t bits) {
  const ef_packing *p = rows->packing;
  const int8_t *table = bits ? ef_take_table(rows) : 0, *values = rows->codes;
  const uint32_t *words = rows->codes;
  const uint8_t *masks = rows->masks;
  uint32_t word = rows->word;
  int32_t left = rows->left;
  ef_sums sums = {0, 0, 0, 0};
  for (int32_t k = p->depth; k > 0; k -= 32, masks += 4, in += 32 * pixels) {
    uint32_t mask = ef_mask_at(masks, k);
    while (mask) {
      int32_t at = ef_leading_zeros(mask), weight;
      mask &= ~(0x80000000u >> at);
      if (bits) {
        if (!left) word = *words++, left = 32 / bits;
        weight = table[word & ((1u << bits) - 1)];
        word >>= bits;
        --left;
      } else {
        weight = *values++;
      }
      sums = ef_add_products(sums, weight, in + pixels * at, pixels);
    }
  }
  rows->masks += (p->depth + 7) / 8;
  rows->codes = bits ? (const void *)words : values;
  rows->word = word, rows->left = left;
  return sums;
}

EF_INLINE void ef_multiply_four(ef_rows *rows, const int8_t *in, int32_t sums[4], int32_t bits) {
  ef_sums found = ef_multiply(rows, in, 4, bits);
  sums[0] += found.a, sums[1] += found.b, sums[2] += found.c, sums[3] += found.d;
}

EF_KERNEL int32_t ef_dot_bitmap(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 0).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_1(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 1).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_2(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 2).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_3(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 3).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_4(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 4).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_5(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 5).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_6(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 6).a; }
EF_KERNEL void ef_four_bitmap(ef_rows *rows, const int8_t *in, int32_t sums[4]) { ef_multiply_four(rows, in, sums, 0); }
EF_KERNEL void ef_four_bitmap_table_1(ef_rows *rows, const int8_t *in, int32_t sums[4]) { ef_multiply_four(rows, in, sums, 1); }
EF_KERNEL void ef_four_bitmap_table_2(ef_rows *rows, const int8_t *in, int32_t sums[4]) { ef_multiply_four(rows, in, sums, 2); }
EF_KERNEL void ef_four_bitmap_table_3(ef_rows *rows, const int8_t *in, int32_t sums[4]) { ef_multiply_four(rows, in, sums, 3); }
EF_KERNEL void ef_four_bitmap_table_4(ef_rows *rows, const int8_t *in, int32_t sums[4]) { ef_multiply_four(rows, in, sums, 4); }
EF_KERNEL void ef_four_bitmap_table_5(ef_rows *rows, const int8_t *in, int32_t sums[4]) { ef_multiply_four(rows, in, sums, 5); }
EF_KERNEL void ef_four_bitmap_table_6(ef_rows *rows, const int8_t *in, int32_t sums[4]) { ef_multiply_four(rows, in, sums, 6); }
