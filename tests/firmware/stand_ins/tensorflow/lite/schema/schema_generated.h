// Stand-in for grammar checks, not TFLM.
#ifndef STAND_IN_SCHEMA_H
#define STAND_IN_SCHEMA_H

namespace tflite {
struct Model;
const Model* GetModel(const void* buffer);
}  // namespace tflite

#endif
