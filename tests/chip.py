"""A model written by hand, for tests of what builds and runs models: each output is its input plus one, by way of the arena."""

HEADER = b"""
#pragma once
#include <stdint.h>
#define TINY_ARENA_BYTES 4096
#define TINY_INPUT_BYTES 48
#define TINY_OUTPUT_BYTES 48
extern uint8_t tiny_arena[TINY_ARENA_BYTES];
static inline int8_t *tiny_input(void) { return (int8_t *)tiny_arena; }
static inline int8_t *tiny_output(void) { return (int8_t *)tiny_arena + 64; }
void tiny_infer(const int8_t *input, int8_t *output);
void ef_trace(int32_t layer, const void *data, uint32_t bytes);
"""

SOURCE = b"""
#include "tiny.h"
__attribute__((aligned(16))) uint8_t tiny_arena[TINY_ARENA_BYTES];
int32_t tiny_step = 1;  // in .data, which start-up must fill
void tiny_infer(const int8_t *input, int8_t *output) {
  uint8_t *between = tiny_arena + 128;
  for (int i = 0; i < TINY_INPUT_BYTES; ++i) between[i] = (uint8_t)(input[i] + tiny_step);
#ifdef EF_TRACE
  ef_trace(0, between, TINY_INPUT_BYTES);
#endif
  for (int i = 0; i < TINY_INPUT_BYTES; ++i) output[i] = (int8_t)between[i];
#ifdef EF_TRACE
  ef_trace(1, output, TINY_OUTPUT_BYTES);
#endif
}
"""

MODEL = {"tiny.h": HEADER, "tiny.c": SOURCE}


def main_of(statements: str, before: str = "") -> dict[str, bytes]:
    """A program whose main does `statements`, then returns 0."""
    from emberflow.firmware.chip.program import measuring_program

    text = f'#include "tiny.h"\n#include "semihosting.h"\n{before}\nint main(void) {{ {statements}; return 0; }}\n'
    return {**MODEL, **measuring_program("tiny"), "measure.c": text.encode()}
