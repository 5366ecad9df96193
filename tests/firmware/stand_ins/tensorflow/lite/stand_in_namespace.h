// Stand-in for grammar checks, not TFLM: where its classes live.
#ifndef STAND_IN_NAMESPACE_H
#define STAND_IN_NAMESPACE_H

#include <cstddef>
#include <cstdint>

#ifdef STAND_IN_2026
#define STAND_IN_BEGIN \
  namespace tflite {   \
  namespace micro {
#define STAND_IN_END \
  }                  \
  }
STAND_IN_BEGIN
#else
#define STAND_IN_BEGIN namespace tflite {
#define STAND_IN_END }
#endif
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
union TfLitePtrUnion {
  char* raw;
  void* data;
};
struct TfLiteTensor {
  TfLitePtrUnion data;
  std::size_t bytes;
};
#ifdef STAND_IN_2026
STAND_IN_END
#endif

#endif
