// Counts what an emulated core executes, block by block. Called by Unicorn on its hooks; asks Python what a block holds when it comes for the first time.
#include <stdint.h>

typedef struct {
  uint32_t address, bytes, instructions, is_watched;
  uint64_t executions;
} Block;

typedef uint64_t (*First)(uint32_t address, uint32_t bytes);  // instructions, and bit 32 when the block is watched
typedef void (*Watched)(uint32_t address);
typedef int (*Unaligned)(uint32_t address, uint32_t pc);  // whether the instruction at pc may do that
typedef int (*ReadRegister)(void *core, int number, void *value);
typedef int (*WriteRegister)(void *core, int number, const void *value);
typedef int (*Stop)(void *core);

typedef struct {
  uint64_t instructions, limit;
  uint64_t returns_to;  // an address that is watched for a while; no address: 1 << 32
  uint32_t lowest_sp, count, mask, is_over;
  int32_t sp_number, pc_number, xpsr_number;
  Block *blocks;
  First first;
  Watched watched;
  Unaligned unaligned;
  ReadRegister read_register;
  WriteRegister write_register;
  Stop stop;
  uint32_t allowed[4096];  // instructions that may access words at any address
} Counter;

static Block *find(Counter *counter, uint32_t address, uint32_t bytes) {
  uint32_t place = (address >> 1) * 2654435761u ^ bytes * 40503u;
  for (;; ++place) {
    Block *const block = &counter->blocks[place & counter->mask];
    if (block->bytes == 0 || (block->address == address && block->bytes == bytes)) return block;
  }
}

// Returns 0 when the table is full.
static int fill(Counter *counter, Block *block, uint32_t address, uint32_t bytes) {
  if (counter->count >= counter->mask) return 0;
  const uint64_t found = counter->first(address, bytes);
  block->address = address;
  block->bytes = bytes;
  block->instructions = (uint32_t)found;
  block->is_watched = found >> 32 != 0;
  ++counter->count;
  return 1;
}

void ef_on_block(void *core, uint64_t address, uint32_t bytes, Counter *counter) {
  Block *const block = find(counter, (uint32_t)address, bytes);
  uint32_t sp = 0;
  counter->read_register(core, counter->sp_number, &sp);
  if (sp < counter->lowest_sp) counter->lowest_sp = sp;
  const int is_known = block->bytes != 0 || fill(counter, block, (uint32_t)address, bytes);
  if (!is_known || counter->instructions >= counter->limit) {
    counter->is_over = is_known ? 1 : 2;
    counter->stop(core);
    return;
  }
  if (block->is_watched || address == counter->returns_to) counter->watched((uint32_t)address);
  counter->instructions += block->instructions;
  ++block->executions;
}

// Unicorn 2.1.4 notes the conditions of an IT block for its hook, and forgets them only where a block of code ends in one: the first instruction of
// the next new block would be under a condition that is not its own. The bits are those of DDI 0403, B1.4.2; what is being executed needs them no more.
static void forget_conditions(void *core, const Counter *counter) {
  uint32_t xpsr = 0;
  counter->read_register(core, counter->xpsr_number, &xpsr);
  if ((xpsr & 0x0600fc00) == 0) return;
  xpsr &= ~(uint32_t)0x0600fc00;
  counter->write_register(core, counter->xpsr_number, &xpsr);
}

void ef_on_access(void *core, int kind, uint64_t address, int bytes, int64_t value, Counter *counter) {
  (void)kind;
  (void)value;
  forget_conditions(core, counter);
  if ((address & (bytes > 4 ? 3u : (uint32_t)bytes - 1)) == 0) return;
  uint32_t pc = 0;
  counter->read_register(core, counter->pc_number, &pc);
  uint32_t *const allowed = &counter->allowed[pc >> 1 & 4095];
  if (*allowed != pc && counter->unaligned((uint32_t)address, pc)) *allowed = pc;
}
