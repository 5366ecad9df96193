/* Rows of weights that are packed in flash, and multiplied as they are decoded, one row at a time, in order.
 *
 *   table           weight[k] = table[index[k]]                        indices of 1 to 6 bits, lowest bits first
 *   bitmap          weight[k] = bit[k] ? next value : 0                a bit a weight, highest first
 *   bitmap, table   weight[k] = bit[k] ? table[next index] : 0         indices in words, as many as go into 32 bits, lowest bits first
 *
 * A row's indices (table) or bits (bitmap) begin at a whole byte. Tables belong to the layer; each row says which one it has, where there
 * are several. A layer names its decoder by a pointer to a function, so that decoders that no layer names aren't linked: `dot` multiplies
 * a row with one input, `four` with the inputs of four pixels. No row is ever in memory, and the zeros of a bitmap take no time. The
 * formats are Emberflow's own (compiler/weights).
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
    int32_t (*dot)(ef_rows *rows, const int8_t *in);                 /* gives the sum of products with `in` */
    void (*four)(ef_rows *rows, const void *columns, int32_t sums[4]); /* adds the products with four columns */
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

/* Sums of one pixel, or of four. Names instead of an array, so that they stay in registers. */
typedef struct {
  int32_t a, b, c, d;
} ef_sums;

EF_INLINE void ef_add_sums(int32_t to[4], ef_sums sums) { to[0] += sums.a, to[1] += sums.b, to[2] += sums.c, to[3] += sums.d; }

/* Eight weights have 8 * bits bits. The first four lie in the word at their begin, the others in the same, or with more than 4 bits in
 * the one that begins half of `bits` bytes later. */
EF_INLINE uint32_t ef_later_four(uint32_t four, const uint8_t *codes, int32_t bits) {
  return bits <= 4 ? four >> 4 * bits % 32 : ef_word(codes + bits / 2) >> bits % 2 * 4;
}

/* Weight k of four. */
EF_INLINE int32_t ef_weight_at(const int8_t *table, uint32_t four, int32_t k, int32_t bits) {
  return table[four >> k * bits & ((1u << bits) - 1)];
}

EF_INLINE const uint8_t *ef_take_codes(ef_rows *rows, int32_t bits) {
  const uint8_t *codes = rows->codes;
  rows->codes = codes + (rows->packing->depth * bits + 7) / 8;
  return codes;
}

#ifdef EF_DSP
/* Four weights in the order in which SXTB16 takes apart a word of inputs. */
EF_INLINE ef_pair ef_four_weights(const int8_t *table, uint32_t four, int32_t bits) {
  ef_pair weights = {ef_halves(ef_weight_at(table, four, 0, bits), ef_weight_at(table, four, 2, bits)),
                     ef_halves(ef_weight_at(table, four, 1, bits), ef_weight_at(table, four, 3, bits))};
  return weights;
}

EF_INLINE int32_t ef_add_word(ef_pair weights, const int8_t *in, int32_t sum) {
  uint32_t word = ef_word(in);
  return ef_dual(weights.odd, ef_odd(word), ef_dual(weights.even, ef_even(word), sum));
}

EF_INLINE ef_sums ef_add_columns(ef_pair weights, const uint32_t *column, ef_sums sums) {
  ef_pair pair;
  EF_LOAD_PAIR(pair, column, 0);
  sums.a = ef_dual(weights.odd, pair.odd, ef_dual(weights.even, pair.even, sums.a));
  EF_LOAD_PAIR(pair, column, 2);
  sums.b = ef_dual(weights.odd, pair.odd, ef_dual(weights.even, pair.even, sums.b));
  EF_LOAD_PAIR(pair, column, 4);
  sums.c = ef_dual(weights.odd, pair.odd, ef_dual(weights.even, pair.even, sums.c));
  EF_LOAD_PAIR(pair, column, 6);
  sums.d = ef_dual(weights.odd, pair.odd, ef_dual(weights.even, pair.even, sums.d));
  return sums;
}
#endif

EF_INLINE int32_t ef_dot_table(ef_rows *rows, const int8_t *in, int32_t bits) {
  const int8_t *table = ef_take_table(rows);
  const uint8_t *codes = ef_take_codes(rows, bits);
  int32_t sum = 0, depth = rows->packing->depth;
#ifdef EF_DSP
  for (; depth >= 8; depth -= 8, codes += bits, in += 8) {
    uint32_t four = ef_word(codes), later = ef_later_four(four, codes, bits);
    sum = ef_add_word(ef_four_weights(table, four, bits), in, sum);
    sum = ef_add_word(ef_four_weights(table, later, bits), in + 4, sum);
  }
#endif
  for (; depth > 0; depth -= 8, codes += bits, in += 8) {
    uint32_t four = ef_word(codes), later = ef_later_four(four, codes, bits);
    for (int32_t k = 0; k < depth && k < 8; ++k) sum += ef_weight_at(table, k < 4 ? four : later, k & 3, bits) * in[k];
  }
  return sum;
}

/* Columns as conv.h has them: their zeros behind the row stand against weights of the next. */
EF_INLINE void ef_four_table(ef_rows *rows, const void *columns, int32_t to[4], int32_t bits) {
  const int8_t *table = ef_take_table(rows);
  const uint8_t *codes = ef_take_codes(rows, bits);
  int32_t words = (rows->packing->depth + 3) / 4;
  ef_sums sums = {0, 0, 0, 0};
#ifdef EF_DSP
  const uint32_t *column = columns;
  for (; words >= 2; words -= 2, codes += bits, column += 16) {
    uint32_t four = ef_word(codes), later = ef_later_four(four, codes, bits);
    sums = ef_add_columns(ef_four_weights(table, four, bits), column, sums);
    sums = ef_add_columns(ef_four_weights(table, later, bits), column + 8, sums);
  }
  if (words) sums = ef_add_columns(ef_four_weights(table, ef_word(codes), bits), column, sums);
#else
  const int8_t *column = columns;
  for (int32_t k = 0, stride = 4 * words; k < stride; k += 4) {
    uint32_t four = ef_word(codes);
    if (k & 4) four = ef_later_four(four, codes, bits), codes += bits;
    for (int32_t i = 0; i < 4; ++i, ++column) {
      int32_t weight = ef_weight_at(table, four, i, bits);
      sums.a += weight * column[0];
      sums.b += weight * column[stride];
      sums.c += weight * column[2 * stride];
      sums.d += weight * column[3 * stride];
    }
  }
#endif
  ef_add_sums(to, sums);
}

EF_KERNEL int32_t ef_dot_table_1(ef_rows *rows, const int8_t *in) { return ef_dot_table(rows, in, 1); }
EF_KERNEL int32_t ef_dot_table_2(ef_rows *rows, const int8_t *in) { return ef_dot_table(rows, in, 2); }
EF_KERNEL int32_t ef_dot_table_3(ef_rows *rows, const int8_t *in) { return ef_dot_table(rows, in, 3); }
EF_KERNEL int32_t ef_dot_table_4(ef_rows *rows, const int8_t *in) { return ef_dot_table(rows, in, 4); }
EF_KERNEL int32_t ef_dot_table_5(ef_rows *rows, const int8_t *in) { return ef_dot_table(rows, in, 5); }
EF_KERNEL int32_t ef_dot_table_6(ef_rows *rows, const int8_t *in) { return ef_dot_table(rows, in, 6); }
EF_KERNEL void ef_four_table_1(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_table(rows, columns, sums, 1); }
EF_KERNEL void ef_four_table_2(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_table(rows, columns, sums, 2); }
EF_KERNEL void ef_four_table_3(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_table(rows, columns, sums, 3); }
EF_KERNEL void ef_four_table_4(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_table(rows, columns, sums, 4); }
EF_KERNEL void ef_four_table_5(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_table(rows, columns, sums, 5); }
EF_KERNEL void ef_four_table_6(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_table(rows, columns, sums, 6); }

/* The bits of 32 weights, the first one's highest; zeros for those that aren't there. */
EF_INLINE uint32_t ef_mask_at(const uint8_t *from, int32_t weights) {
  uint32_t word = ef_word(from);
  word = word << 24 | (word << 8 & 0xFF0000u) | (word >> 8 & 0xFF00u) | word >> 24;
  return weights < 32 ? word & ~(0xFFFFFFFFu >> weights) : word;
}

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

/* Columns of bytes: byte k of all four lie together. */
EF_INLINE void ef_four_bitmap_of(ef_rows *rows, const void *columns, int32_t to[4], int32_t bits) {
  ef_add_sums(to, ef_multiply(rows, columns, 4, bits));
}

EF_KERNEL int32_t ef_dot_bitmap(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 0).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_1(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 1).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_2(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 2).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_3(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 3).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_4(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 4).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_5(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 5).a; }
EF_KERNEL int32_t ef_dot_bitmap_table_6(ef_rows *rows, const int8_t *in) { return ef_multiply(rows, in, 1, 6).a; }
EF_KERNEL void ef_four_bitmap(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_bitmap_of(rows, columns, sums, 0); }
EF_KERNEL void ef_four_bitmap_table_1(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_bitmap_of(rows, columns, sums, 1); }
EF_KERNEL void ef_four_bitmap_table_2(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_bitmap_of(rows, columns, sums, 2); }
EF_KERNEL void ef_four_bitmap_table_3(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_bitmap_of(rows, columns, sums, 3); }
EF_KERNEL void ef_four_bitmap_table_4(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_bitmap_of(rows, columns, sums, 4); }
EF_KERNEL void ef_four_bitmap_table_5(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_bitmap_of(rows, columns, sums, 5); }
EF_KERNEL void ef_four_bitmap_table_6(ef_rows *rows, const void *columns, int32_t sums[4]) { ef_four_bitmap_of(rows, columns, sums, 6); }
