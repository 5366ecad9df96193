"""A program for a device: sources around a .tflite, generated as text. Knows C and TFLM by name; compiles nothing."""
