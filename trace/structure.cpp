#include <rill/trace/structure.h>

#include <charconv>
#include <utility>

namespace rill::detail {
namespace {

template <class T>
std::string digits(T number) {
  std::array<char, 32> text;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

}  // namespace

std::string fixed_text(std::string_view text) { return '"' + std::string(text) + '"'; }
std::string fixed_text(double number) { return digits(number); }
std::string fixed_text(long long number) { return digits(number); }
std::string fixed_text(unsigned long long number) { return digits(number); }

Leaves::Leaves() = default;
Leaves::~Leaves() = default;

void Leaves::tensor(const Tensor& value) {
  if (!value.defined()) return text("none" + fixed_text(static_cast<long long>(count_)));
  if (count_ < few_.size()) few_[count_] = &value;
  if (count_ == few_.size()) many_.assign(few_.begin(), few_.end());
  if (count_ >= few_.size()) many_.push_back(&value);
  ++count_;
}

void Leaves::scalar(const Scalar& value) {
  const Tensor& number = numbers_[count_] = Tensor::weak(value);
  fixed_ += static_cast<char>('a' + static_cast<int>(number.dtype()));
  tensor(number);
}

void Leaves::variable(const Variable& value) {
  text("v" + fixed_text(static_cast<unsigned long long>(value.defined() ? value.id() : 0)));
}

void Leaves::text(const std::string& value, bool with_length) {
  // No two texts run together.
  if (with_length) fixed_ += std::to_string(value.size());
  fixed_ += value;
  fixed_ += ';';
}

std::span<const Tensor* const> Leaves::tensors() const {
  return {count_ <= few_.size() ? few_.data() : many_.data(), count_};
}

void LeafNames::enter_argument(int number) {
  enter(number < 0 ? std::string("x") : "x" + std::to_string(number));
}
void LeafNames::enter(std::string_view name) { path_.emplace_back(name); }
void LeafNames::leave() { path_.pop_back(); }

void LeafNames::tensor(const Tensor& value) {
  if (value.defined()) tensors_.push_back(path());
}
void LeafNames::scalar(const Scalar&) { tensors_.push_back(path()); }
void LeafNames::variable(const Variable& value) {
  fixed(value.defined() ? "variable " + value.name() : std::string("none"), false);
}
void LeafNames::fixed(std::string text, bool real) {
  fixed_.push_back({path(), std::move(text), real});
}

std::string LeafNames::path() const {
  std::string text;
  for (const std::string& part : path_) text += (text.empty() ? "" : "/") + part;
  return text;
}

}  // namespace rill::detail
