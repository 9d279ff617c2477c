/// Random numbers: Philox4x32-10 counters, so every element is a pure function of seed, position
/// and draw number. Invariant: one call takes one draw number whatever its size; the same numbers
/// on any device, eagerly and traced.
///
/// Several threads: a generator hands out its draw numbers one after the other, safely. Which
/// thread gets which depends on timing; a thread that wants numbers of its own, the same in every
/// run, uses a `Generator` of its own.
#pragma once

#include <cstdint>
#include <memory>

#include <rill/tensor/by_name_only.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/tensor.h>

namespace rill::rng {

/// A stream of draws.
///
///     rng::Generator mine(7);
///     Tensor x = rng::normal({3, 2}, {.generator = &mine});
class RILL_API Generator {
 public:
  explicit Generator(std::uint64_t seed = 0);
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// Starts over: the draws that follow are those of a new generator with this seed.
  void seed(std::uint64_t seed, Where where = Where::here());
  /// Takes the next draw number: uint64[2], seed and number. For operators from outside.
  Tensor draw(Where where = Where::here());

  /// How many draws it has given out since it was seeded, and going there: what a program saves to
  /// go on later with the same numbers.
  [[nodiscard]] std::uint64_t draws() const;
  void skip_to(std::uint64_t draws, Where where = Where::here());

  /// For the floors above: another handle on the same stream, which keeps the stream alive.
  [[nodiscard]] std::shared_ptr<Generator> shared() const;
  /// Of the stream: no other has it, and those made later have greater ones.
  [[nodiscard]] std::uint64_t id() const;

 private:
  struct Stream;
  explicit Generator(std::shared_ptr<Stream> stream);

  std::shared_ptr<Stream> stream_;
};

/// The generator that is used where none is named. Its seed is 0 until `seed` is called.
RILL_API Generator& default_generator();
/// Seeds the default generator.
RILL_API void seed(std::uint64_t seed, Where where = Where::here());

struct RandomOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  DType dtype = float32;           ///< a float
  Generator* generator = nullptr;  ///< null: the default one
};

/// Uniform in [low, high), all rounded to the dtype: what would round up to `high` is the number
/// before it. Throws `ValueError` unless low < high there, and both and their distance are finite.
RILL_API Tensor uniform(const Shape& shape, double low, double high,
                        const RandomOptions& options = {}, Where where = Where::here());
/// Uniform in [0, 1).
RILL_API Tensor uniform(const Shape& shape, const RandomOptions& options = {},
                        Where where = Where::here());
/// Normal with mean 0 and deviation 1 (Box and Muller 1958).
RILL_API Tensor normal(const Shape& shape, const RandomOptions& options = {},
                       Where where = Where::here());
/// Normal with deviation 1, without what lies beyond 2 (by the inverse of its distribution
/// function).
RILL_API Tensor truncated_normal(const Shape& shape, const RandomOptions& options = {},
                                 Where where = Where::here());

struct RandintOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  DType dtype = int64;  ///< an integer type
  Generator* generator = nullptr;
};
/// Integers in [low, high). Throws `ValueError` when there are none, or when `dtype` does not hold
/// them.
RILL_API Tensor randint(const Shape& shape, std::int64_t low, std::int64_t high,
                        const RandintOptions& options = {}, Where where = Where::here());

struct DrawOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  Generator* generator = nullptr;
};
/// bool: true with probability `p`, a number, or a tensor that broadcasts to `shape`. Throws
/// `ValueError` for what is no probability.
RILL_API Tensor bernoulli(const Shape& shape, const Operand& p, const DrawOptions& options = {});
/// The numbers 0 ... n-1, int64, in random order: a stable argsort of 64-bit draws.
RILL_API Tensor permutation(std::int64_t n, const DrawOptions& options = {},
                            Where where = Where::here());

}  // namespace rill::rng

namespace rill {

struct DropoutOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  bool training = true;  ///< false: `x` itself
  rng::Generator* generator = nullptr;
};
/// `x` with each element dropped with probability `rate` and the rest divided by 1 - rate
/// (Srivastava et al. 2014). Throws `ValueError` for a rate outside [0, 1).
RILL_API Tensor dropout(const Operand& x, double rate, const DropoutOptions& options = {});

}  // namespace rill
