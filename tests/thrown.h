// What a call says when it fails.
#pragma once

#include <string>

namespace rill::test {

/// The text of what `f` throws as an `E`; empty where it throws nothing.
template <class E, class F>
std::string thrown(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return {};
}

}  // namespace rill::test
