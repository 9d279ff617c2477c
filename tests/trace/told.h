// What is told on the error stream, for tests.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

namespace rill {

/// What is written to the error stream while `f` runs.
template <class F>
std::string told(F&& f) {
  std::FILE* const file = std::tmpfile();
  std::fflush(stderr);
  const int saved = dup(2);
  dup2(fileno(file), 2);
  f();
  std::fflush(stderr);
  dup2(saved, 2);
  close(saved);
  std::fseek(file, 0, SEEK_SET);
  std::string text(1 << 16, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

}  // namespace rill
