// Stand-in for grammar checks, not TFLM.
#ifndef STAND_IN_SYSTEM_SETUP_H
#define STAND_IN_SYSTEM_SETUP_H

#include "tensorflow/lite/stand_in_namespace.h"

STAND_IN_BEGIN
void InitializeTarget();
STAND_IN_END

#endif
