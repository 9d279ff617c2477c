// A piece of a graph's text, which knows where it stands.
// Invariant: whatever is asked of it is there and of its kind, or a `FormatError` names the place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include <rill/ops/infer.h>
#include <rill/tensor/dim.h>
#include <rill/tensor/dim_name.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/error.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/unnamed.h>

namespace rill {

using Json = nlohmann::ordered_json;

/// What a file's unknown sizes (`?1`) are here: sizes of this process, equal where the file's are.
class Unknowns {
 public:
  Dim size(const std::string& text) {
    if (symbolic::is_fresh_name(text)) return own(text);
    const Dim size = Dim::parse(text);
    if (text.find('?') == std::string::npos) return size;
    return size.substitute([&](std::string_view name) -> std::optional<Dim> {
      if (!symbolic::is_fresh_name(name)) return std::nullopt;
      return own(std::string(name));
    });
  }

 private:
  Dim own(const std::string& name) {
    const auto [at, added] = sizes_.try_emplace(name);
    if (added) at->second = Dim::fresh();
    return at->second;
  }

  std::map<std::string, Dim> sizes_;
};

class JsonPlace {
 public:
  JsonPlace(const Json& json, std::string where, Unknowns& unknowns)
      : json_(json), where_(std::move(where)), unknowns_(unknowns) {}

  [[noreturn]] void fail(const std::string& rule) const {
    throw detail::UnnamedError<FormatError>(where_ + ": " + rule);
  }

  [[nodiscard]] bool has(const char* key) const { return json_.is_object() && json_.contains(key); }
  [[nodiscard]] JsonPlace at(const char* key) const {
    if (!has(key)) fail(std::string("there is no \"") + key + "\"");
    return {json_.at(key), where_ + "." + key, unknowns_};
  }
  /// Keys that are not known may change what the others mean.
  void require_only(std::initializer_list<std::string_view> keys) const {
    if (!json_.is_object()) fail("is not an object");
    for (const auto& [key, value] : json_.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end())
        fail("has a \"" + key + "\", which this version of the format does not know");
    }
  }
  [[nodiscard]] std::size_t size() const {
    if (!json_.is_array()) fail("is not a list");
    return json_.size();
  }
  [[nodiscard]] JsonPlace at(std::size_t i) const {
    return {json_.at(i), where_ + "[" + std::to_string(i) + "]", unknowns_};
  }
  [[nodiscard]] std::string string() const {
    if (!json_.is_string()) fail("is not a string");
    return json_.get<std::string>();
  }
  [[nodiscard]] bool boolean() const {
    if (!json_.is_boolean()) fail("is not true or false");
    return json_.get<bool>();
  }
  [[nodiscard]] std::int64_t integer() const {
    if (!json_.is_number_integer()) fail("is not an integer");
    if (json_.is_number_unsigned() &&
        json_.get<std::uint64_t>() >
            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      fail("is larger than 2^63 - 1");
    }
    return json_.get<std::int64_t>();
  }
  [[nodiscard]] double real() const {
    if (json_.is_string()) {
      const auto text = json_.get<std::string>();
      if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
      if (text == "inf") return std::numeric_limits<double>::infinity();
      if (text == "-inf") return -std::numeric_limits<double>::infinity();
    }
    if (!json_.is_number()) fail("is not a number");
    return json_.get<double>();
  }
  [[nodiscard]] Dim dim() const {
    if (json_.is_string()) {
      try {
        return unknowns_.size(json_.get<std::string>());
      } catch (const Error& error) {
        fail(error.what());
      }
    }
    const std::int64_t size = integer();
    if (size < 0 || size > (std::int64_t{1} << 56)) fail("is not a size");
    return size;
  }
  [[nodiscard]] Shape shape() const {
    if (size() > static_cast<std::size_t>(max_rank))
      fail("has more than " + std::to_string(max_rank) + " axes");
    Shape shape;
    for (std::size_t i = 0; i < size(); ++i) shape.push_back(at(i).dim());
    try {
      (void)shape.size();  // reports overflow
    } catch (const Error& error) {
      fail(error.what());
    }
    return shape;
  }
  /// Like a shape, but no tensor's: steps may be negative.
  [[nodiscard]] Shape numbers() const {
    if (size() > static_cast<std::size_t>(max_rank))
      fail("has more than " + std::to_string(max_rank) + " numbers");
    Shape numbers;
    for (std::size_t i = 0; i < size(); ++i) {
      const JsonPlace each = at(i);
      const bool small = each.json_.is_number_integer() && each.integer() < 0 &&
                         each.integer() >= -(std::int64_t{1} << 56);
      numbers.push_back(small ? Dim(each.integer()) : each.dim());
    }
    return numbers;
  }
  [[nodiscard]] DType dtype() const {
    try {
      return dtype_named(string());
    } catch (const ValueError& error) {
      fail(error.what());
    }
  }
  [[nodiscard]] Spec spec() const { return {at("dtype").dtype(), at("shape").shape()}; }
  /// A value of the same object is what the object says, if it says so.
  void require(const Spec& found) const {
    if (!has("dtype") && !has("shape")) return;
    const Spec said = spec();
    if (said.dtype != found.dtype || !(said.shape == found.shape))
      fail("says " + said.text() + ", and the weights hold " + found.text());
  }
  template <class T>
  [[nodiscard]] T element() const {
    if constexpr (std::is_same_v<T, bool>) {
      return boolean();
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      if (!json_.is_number_unsigned()) fail("is not an unsigned integer");
      return json_.get<std::uint64_t>();
    } else if constexpr (std::is_integral_v<T>) {
      const std::int64_t number = integer();
      if (!std::in_range<T>(number)) fail("does not fit the dtype");
      return static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, double>) {
      return real();
    } else {
      return static_cast<T>(static_cast<float>(real()));
    }
  }
  [[nodiscard]] const Json& json() const { return json_; }

 private:
  const Json& json_;
  std::string where_;
  Unknowns& unknowns_;
};

}  // namespace rill
