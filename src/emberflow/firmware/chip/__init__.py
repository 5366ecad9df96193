"""A bare-metal program around a compiled model: cores, memory, start-up, main. Generates text and reads images; compiles and runs nothing."""
