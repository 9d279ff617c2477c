// What is told on the error stream, or printed, for tests.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

namespace rill {

/// What is written to a stream while `f` runs.
template <class F>
std::string written(std::FILE* stream, F&& f) {
  std::FILE* const file = std::tmpfile();
  std::fflush(stream);
  const int saved = dup(fileno(stream));
  dup2(fileno(file), fileno(stream));
  f();
  std::fflush(stream);
  dup2(saved, fileno(stream));
  close(saved);
  std::fseek(file, 0, SEEK_SET);
  std::string text(1 << 16, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}
template <class F>
std::string told(F&& f) {
  return written(stderr, f);
}
template <class F>
std::string printed(F&& f) {
  return written(stdout, f);
}

}  // namespace rill
