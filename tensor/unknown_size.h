// The error of reading an unknown size as a number, while no operation has put its name to it: a
// trace that records for unknown sizes catches it and says which size it is.
#pragma once

#include <string>
#include <string_view>

#include <rill/tensor/dim.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/where.h>

namespace rill::detail {

class UnknownSizeError final : public ValueError, public Unnamed {
 public:
  explicit UnknownSizeError(Dim size) : ValueError(rule(size)), size_(size) {}
  [[nodiscard]] Dim size() const { return size_; }

 private:
  static std::string rule(Dim size) { return "the size '" + size.text() + "' is not known here"; }
  void rethrow_as(std::string_view operation, Where where) const override {
    throw UnnamedError<ValueError>(operation, rule(size_), where);
  }

  Dim size_;
};

}  // namespace rill::detail
