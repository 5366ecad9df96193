// Just enough of Arduino.h to compile and run a sketch on this machine.
#pragma once
#include <stdio.h>

struct Printer {
  void begin(unsigned long) {}
  explicit operator bool() const { return true; }
  void print(const char *text) { printf("%s", text); }
  void print(int number) { printf("%d", number); }
  void print(double number) { printf("%.2f", number); }
  void println(int number) { printf("%d\n", number); }
  void println(unsigned long) { printf("some\n"); }
};

static Printer Serial;
inline unsigned long millis() { return 0; }
inline unsigned long micros() { return 0; }
inline void delay(unsigned long) {}
