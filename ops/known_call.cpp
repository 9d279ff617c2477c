#include <rill/ops/known_call.h>

#include <algorithm>

#include <rill/ops/kernel_cache.h>
#include <rill/tensor/thread_owned.h>

namespace rill {
namespace {

/// The calls that one thread remembers: sets of two, the last used first.
struct Table {
  static constexpr std::size_t sets = 256;
  std::array<std::array<std::unique_ptr<KnownCall>, 2>, sets> calls;

  std::array<std::unique_ptr<KnownCall>, 2>& set(std::uint64_t hash) {
    return calls[(hash ^ (hash >> 29U)) * 0x9e3779b97f4a7c15ULL >> 56U];
  }
};
static_assert(Table::sets == 256, "a set's number is the hash's first eight bits");

using Remembered = detail::ThreadOwned<Table>;  // calls may be made while a thread ends

}  // namespace

CallForm::CallForm(const Op& op, const Attributes& attributes, std::span<const Tensor> inputs)
    : attributes_(attributes) {
  words_[count_++] = identity(op);
  hash_ = attributes.hash();
  for (const Tensor& input : inputs) add(input);
  add_hash(0);
}

void CallForm::add_output(const Tensor& output) {
  const std::size_t first = count_;
  if (possible_) words_[count_++] = ~std::uint64_t{0};  // what no input begins with
  add(output);
  add_hash(first);
}

void CallForm::add(const Tensor& input) {
  constexpr std::size_t most_words_of_one = 2 + 2 * max_rank;
  const detail::TensorBody& body = input.body();
  possible_ = possible_ && body.data != nullptr && body.device.is_cpu() &&
              count_ + most_words_of_one <= most_words;
  if (!possible_) return;
  const auto rank = static_cast<std::size_t>(body.shape.rank());
  const auto kind = body.weak ? static_cast<std::uint64_t>(body.scalar.kind()) + 1 : 0;
  std::uint64_t* to = words_.data() + count_;
  *to++ = static_cast<std::uint64_t>(body.dtype) | rank << 8U | kind << 16U |
          std::uint64_t{body.contiguous} << 24U;
  for (const Dim size : body.shape) *to++ = static_cast<std::uint64_t>(size.bits());
  if (!body.contiguous) to = std::copy_n(body.strides.data(), rank, to);
  count_ = static_cast<std::size_t>(to - words_.data());
}

/// Words are hashed side by side: one long chain of multiplications would be slow.
void CallForm::add_hash(std::size_t first) {
  std::uint64_t hash = hash_;
  for (std::size_t i = first; i < count_; ++i)
    hash += (words_[i] ^ words_[i] >> 32U) * (0x9e3779b97f4a7c15ULL + 0x2545f4914f6cdd1eULL * i);
  hash_ = hash;
}

const KnownCall* KnownCall::find(const CallForm& form) {
  Table* const table = Remembered::get_if_made();
  if (table == nullptr || !form.possible()) return nullptr;
  auto& set = table->set(form.hash());
  if (set[0] && set[0]->is(form)) return set[0].get();
  if (!set[1] || !set[1]->is(form)) return nullptr;
  std::swap(set[0], set[1]);
  return set[0].get();
}

void KnownCall::keep(const CallForm& form, Way way) {
  Table* const all = Remembered::get();
  if (all == nullptr || !form.possible()) return;
  auto& set = all->set(form.hash());
  if (set[1] && set[1]->running_ > 0) return;
  set[1] = std::make_unique<KnownCall>(form, std::move(way));
  std::swap(set[0], set[1]);
}

}  // namespace rill
