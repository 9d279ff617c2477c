#include <rill/tensor/dim.h>

#include <map>
#include <mutex>
#include <ostream>
#include <string>

#include <rill/tensor/dim_name.h>
#include <rill/tensor/dim_table.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unknown_size.h>
#include <rill/tensor/unnamed.h>

namespace rill {

Dim::Dim(std::string_view name) {
  if (!symbolic::is_name(name)) {
    throw ValueError("a size cannot be named '" + std::string(name.substr(0, 60)) +
                     "': a name has letters, digits and '_', does not start with a digit, and is "
                     "not 'max' or 'min'");
  }
  *this = DimTable::unknown(name);
}

Dim Dim::fresh() {
  DimTable& table = DimTable::instance();
  const std::lock_guard lock(table.mutex);
  return table.fresh();
}

std::int64_t Dim::fail_unknown() const { throw detail::UnknownSizeError(*this); }

void Dim::fail_range() {
  throw detail::UnnamedError<ValueError>("a size is outside [-2^61, 2^61)");
}

Dim Dim::symbolic(char operation, Dim a, Dim b) {
  if (a.known() && b.known()) {  // sizes of eager operations: no lock
    if (operation == 'M') return a.bits_ > b.bits_ ? a : b;
    if (operation == 'm') return a.bits_ < b.bits_ ? a : b;
    if (b.bits_ > 0 && operation == '/') return {symbolic::floor_quotient(a.bits_, b.bits_)};
    if (b.bits_ > 0 && operation == '%') {
      return {a.bits_ - b.bits_ * symbolic::floor_quotient(a.bits_, b.bits_)};
    }
  }
  DimTable& table = DimTable::instance();
  const std::lock_guard lock(table.mutex);
  return table.apply(operation, a, b);
}

Dim Dim::substitute(const std::function<std::optional<Dim>(std::string_view)>& lookup) const {
  std::map<std::int64_t, Dim> done;
  return DimTable::instance().substituted(*this, lookup, done);
}

std::string Dim::text() const {
  if (known()) return std::to_string(bits_);
  DimTable& table = DimTable::instance();
  const std::lock_guard lock(table.mutex);
  return table.text_of(*this);
}

std::ostream& operator<<(std::ostream& out, Dim dim) { return out << dim.text(); }

}  // namespace rill
