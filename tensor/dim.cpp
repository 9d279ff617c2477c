#include <rill/tensor/dim.h>

#include <map>
#include <mutex>
#include <ostream>
#include <vector>

#include <rill/tensor/error.h>

namespace rill {

/// Interned expressions: number i is the bit pattern limit + i.
struct DimTable {
  static DimTable& instance() {
    static DimTable& table = *new DimTable;
    return table;
  }
  Dim intern(const std::string& text) {
    const std::lock_guard lock(mutex);
    const auto [at, added] = numbers.emplace(text, static_cast<std::int64_t>(texts.size()));
    if (added) texts.push_back(text);
    Dim dim;
    dim.bits_ = Dim::limit + at->second;
    return dim;
  }
  std::string text(std::int64_t bits) {
    const std::lock_guard lock(mutex);
    return texts.at(static_cast<std::size_t>(bits - Dim::limit));
  }
  std::mutex mutex;
  std::map<std::string, std::int64_t> numbers;
  std::vector<std::string> texts;
  std::int64_t fresh = 0;
};

Dim::Dim(std::string_view name) { *this = DimTable::instance().intern(std::string(name)); }

Dim Dim::fresh() {
  auto& table = DimTable::instance();
  std::int64_t number = 0;
  {
    const std::lock_guard lock(table.mutex);
    number = ++table.fresh;
  }
  return table.intern("?" + std::to_string(number));
}

std::int64_t Dim::fail_unknown() const {
  throw ValueError("the size '" + text() + "' is not known here");
}

void Dim::fail_range() { throw ValueError("a size is outside [-2^61, 2^61)"); }

Dim Dim::symbolic(char operation, Dim a, Dim b) {
  if (a.known() && b.known()) {
    const std::int64_t x = a.bits_;
    const std::int64_t y = b.bits_;
    switch (operation) {
      case '+': return {x + y};
      case '-': return {x - y};
      case '*': throw ShapeError("a product of sizes overflows: " + a.text() + " * " + b.text());
      case 'M': return {x > y ? x : y};
      case 'm': return {x < y ? x : y};
      default: break;
    }
    if (y == 0) throw ValueError("a size is divided by zero: " + a.text());
    std::int64_t quotient = x / y;
    if (x % y != 0 && (x < 0) != (y < 0)) --quotient;
    return operation == '/' ? Dim(quotient) : Dim(x - quotient * y);
  }
  return DimTable::instance().intern("(" + a.text() + operation + b.text() + ")");
}

std::string Dim::text() const { return known() ? std::to_string(bits_) : DimTable::instance().text(bits_); }

std::ostream& operator<<(std::ostream& out, Dim dim) { return out << dim.text(); }

}  // namespace rill
