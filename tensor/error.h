/// The errors that rill throws, so that a caller can catch by kind or catch them all.
/// Invariant: a fault of the user, a file or a graph is an `Error`; a fault of rill itself is an
/// `InternalError`.
#pragma once

#include <stdexcept>
#include <string>

#include <rill/tensor/export.h>

namespace rill {

/// Base of every error that a user can cause. Its text names the operation, what it was given, the
/// rule that was broken and, where known, the user's line:
/// `matmul: inner sizes differ: float32[2,3] @ float32[4,5] (3 vs 4), at model.cpp:41`.
class RILL_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Sizes or ranks that do not fit together.
class RILL_API ShapeError : public Error {
 public:
  using Error::Error;
};

/// An element type that an operation does not take.
class RILL_API DTypeError : public Error {
 public:
  using Error::Error;
};

/// A device that is not there, or tensors on different ones.
class RILL_API DeviceError : public Error {
 public:
  using Error::Error;
};

/// An index, label or axis outside its range.
class RILL_API IndexError : public Error {
 public:
  using Error::Error;
};

/// A value that an argument may not have, an undefined tensor among them.
class RILL_API ValueError : public Error {
 public:
  using Error::Error;
};

/// A gradient that cannot be computed.
class RILL_API GradientError : public Error {
 public:
  using Error::Error;
};

/// A function that cannot be traced.
class RILL_API TraceError : public Error {
 public:
  using Error::Error;
};

/// A file that does not hold what its format says.
class RILL_API FormatError : public Error {
 public:
  using Error::Error;
};

/// A file or folder that cannot be read or written.
class RILL_API FileError : public Error {
 public:
  using Error::Error;
};

/// More memory than the machine, or the limit that was set, allows.
class RILL_API OutOfMemoryError : public Error {
 public:
  using Error::Error;
};

/// A fault of rill itself: worth a report, never worth catching.
class RILL_API InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace rill
