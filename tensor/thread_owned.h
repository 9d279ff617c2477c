/// What a thread keeps for itself and may still be asked for while the thread ends.
/// Invariant: from the destruction of a thread's objects on, it owns none, and makes no other.
#pragma once

#include <utility>

namespace rill::detail {

/// One `T` per thread, for a `T` of one file.
template <class T>
class ThreadOwned {
 public:
  /// The calling thread's, made when first asked for; null once the thread ends.
  static T* get() {
    if (object != nullptr || over) return object;
    thread_local const Owner owner;
    (void)&owner;  // made by being named
    object = new T;
    return object;
  }
  /// The same, but null where there is none yet.
  static T* get_if_made() { return object; }

 private:
  struct Owner {
    ~Owner() {
      over = true;
      delete std::exchange(object, nullptr);
    }
  };
  // Plain words, which outlive the thread's objects.
  static constinit inline thread_local T* object = nullptr;
  static constinit inline thread_local bool over = false;
};

}  // namespace rill::detail
