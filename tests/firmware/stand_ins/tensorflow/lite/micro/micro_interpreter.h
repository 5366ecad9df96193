// Stand-in for grammar checks, not TFLM.
#ifndef STAND_IN_MICRO_INTERPRETER_H
#define STAND_IN_MICRO_INTERPRETER_H

#include "tensorflow/lite/schema/schema_generated.h"
#include "tensorflow/lite/stand_in_namespace.h"

STAND_IN_BEGIN
class MicroOpResolver {};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& resolver, std::uint8_t* arena, std::size_t arena_bytes);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor* input(std::size_t index);
  TfLiteTensor* output(std::size_t index);
};
STAND_IN_END

#endif
