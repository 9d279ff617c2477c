#include <rill/trace/plausible_json.h>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

// Of a graph's own structure: texts beyond are no graphs.
constexpr std::size_t max_depth = 12;
constexpr int max_keys = 64;  // they are looked for one by one
constexpr int max_numbers = 16;

class Plausible {
 public:
  explicit Plausible(const std::string& origin) : origin_(origin) {}

  // What nlohmann's parser calls; false ends the parsing.
  bool null() { return number(); }
  bool boolean(bool) { return number(); }
  bool number_integer(std::int64_t) { return number(); }
  bool number_unsigned(std::uint64_t) { return number(); }
  bool number_float(double, const std::string&) { return number(); }
  bool string(std::string& text) {
    if (text.empty() && in_list()) fail("has a list of empty texts");
    return filled();
  }
  bool binary(std::vector<std::uint8_t>&) { return false; }
  bool start_object(std::size_t) { return start(false); }
  bool key(std::string&) {
    if (++open_.back().count > max_keys) fail("has an object of more keys than any of a graph");
    return filled();
  }
  bool end_object() { return end(); }
  bool start_array(std::size_t) { return start(true); }
  bool end_array() { return end(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) {
    return false;
  }

 private:
  struct Open {
    bool list = false;
    bool empty = true;
    int count = 0;
  };
  [[nodiscard]] bool in_list() const { return !open_.empty() && open_.back().list; }
  bool filled() {
    if (!open_.empty()) open_.back().empty = false;
    return true;
  }
  bool number() {
    if (in_list() && ++open_.back().count > max_numbers)
      fail("has a list of more numbers than any of a graph");
    return filled();
  }
  bool start(bool list) {
    filled();
    open_.push_back({.list = list});
    if (open_.size() > max_depth) fail("is nested deeper than any graph");
    return true;
  }
  bool end() {
    const bool empty = open_.back().empty;
    open_.pop_back();
    if (empty && in_list()) fail("has a list of empty ones");
    return true;
  }
  [[noreturn]] void fail(const char* rule) const {
    throw detail::UnnamedError<FormatError>(origin_ + ": " + rule);
  }

  const std::string& origin_;
  std::vector<Open> open_;
};

}  // namespace

void require_plausible(std::string_view text, const std::string& origin) {
  Plausible plausible(origin);
  nlohmann::json::sax_parse(text, &plausible);
}

}  // namespace rill
