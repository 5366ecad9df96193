/* Runs compiled models with a page that nobody may touch before and behind each buffer: MODEL PLACE FILL SAMPLES < inputs > outputs.
 *
 * PLACE: `b` puts buffers at the begin of their pages, `e` at the end. FILL: the byte of which arena and outputs are made before each
 * inference. Inputs are read-only. Whoever reads or writes beyond a buffer dies of SIGSEGV, and of undefined behaviour of SIGILL.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u
#define MOST_BORDERS 64

static size_t whole_pages(size_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

/* `bytes` between two pages without access. */
static uint8_t *fenced(size_t bytes, int at_end) {
  size_t inside = whole_pages(bytes);
  uint8_t *map = mmap(0, inside + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) exit(2);
  mprotect(map + PAGE, inside, PROT_READ | PROT_WRITE);
  return map + PAGE + (at_end ? inside - bytes : 0);
}

static void protect(uint8_t *buffer, size_t bytes, int how) {
  uintptr_t page = (uintptr_t)buffer / PAGE * PAGE;
  mprotect((void *)page, whole_pages((uintptr_t)buffer + bytes - page), how);
}

/* The arena: in a plan with fences all but the blocks is without access. */
static uint8_t *make_arena(const model *m, int at_end) {
  uint8_t *arena = fenced(m->arena_bytes, at_end);
  if (!m->block_count) return arena;
  protect(arena, m->arena_bytes, PROT_NONE);
  for (int i = 0; i < m->block_count; ++i) protect(arena + m->blocks[i].from, m->blocks[i].bytes, PROT_READ | PROT_WRITE);
  return arena;
}

static void fill_arena(const model *m, uint8_t *arena, int byte) {
  if (!m->block_count) memset(arena, byte, m->arena_bytes);
  for (int i = 0; i < m->block_count; ++i) memset(arena + m->blocks[i].from, byte, m->blocks[i].bytes);
}

int main(int count, char **words) {
  if (count != 5) return 2;
  const model *m = &models[atoi(words[1])];
  int at_end = words[2][0] == 'e', fill = atoi(words[3]);
  void *buffers[MOST_BORDERS];
  for (int i = 0; i < m->border_count; ++i) buffers[i] = fenced(m->borders[i].bytes, at_end);
  *m->arena = make_arena(m, at_end);
  for (int left = atoi(words[4]); left; --left) {
    fill_arena(m, *m->arena, fill);
    for (int i = 0; i < m->border_count; ++i) {
      size_t bytes = m->borders[i].bytes;
      if (m->borders[i].is_input) {
        protect(buffers[i], bytes, PROT_READ | PROT_WRITE);
        if (fread(buffers[i], 1, bytes, stdin) != bytes) return 3;
        protect(buffers[i], bytes, PROT_READ);
      } else {
        memset(buffers[i], fill, bytes);
      }
    }
    m->infer(buffers);
    for (int i = 0; i < m->border_count; ++i) {
      if (!m->borders[i].is_input) fwrite(buffers[i], 1, m->borders[i].bytes, stdout);
    }
  }
  return 0;
}
