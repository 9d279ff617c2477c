#include <rill/tensor/dtype.h>
#include <rill/tensor/error.h>
#include <rill/tensor/half.h>
#include <rill/tensor/scalar.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "tests/catch.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::thrown;

TEST_CASE("a number takes the dtype of the tensor that it meets") {
  CHECK(Scalar(1.5).beside(float16) == float16);
  CHECK(Scalar(1.5).beside(bfloat16) == bfloat16);
  CHECK(Scalar(1.5).beside(int8) == float64);
  CHECK(Scalar(1.5).beside(bool_) == float64);
  CHECK(Scalar(3).beside(uint8) == uint8);
  CHECK(Scalar(3).beside(float32) == float32);
  CHECK(Scalar(3).beside(bool_) == int64);
  CHECK(Scalar(true).beside(bool_) == bool_);
  CHECK(Scalar(true).beside(int16) == int16);
}

TEST_CASE("a number by itself is bool, int64 or float32") {
  CHECK(Scalar(true).dtype() == bool_);
  CHECK(Scalar(3).dtype() == int64);
  CHECK(Scalar(3U).dtype() == int64);
  CHECK(Scalar(2.5).dtype() == float32);
  CHECK(Scalar(std::uint64_t{3}).dtype() == int64);
  CHECK(Scalar(std::numeric_limits<std::uint64_t>::max()).dtype() == uint64);
}

TEST_CASE("integers that do not fit are value errors") {
  CHECK(Scalar(255).bits(uint8) == 255);
  CHECK(Scalar(-1).bits(int8) == 0xff);
  CHECK_THROWS_AS(Scalar(256).bits(uint8), ValueError);
  CHECK_THROWS_AS(Scalar(-1).bits(uint64), ValueError);
  CHECK_THROWS_AS(Scalar(std::numeric_limits<std::uint64_t>::max()).bits(int64), ValueError);
  CHECK_THROWS_AS(Scalar(1e10).bits(int32), ValueError);
  CHECK_THROWS_AS(Scalar(std::nan("")).bits(int32), ValueError);
  CHECK_THROWS_AS(Scalar(9223372036854775808.0).bits(int64), ValueError);
  CHECK(Scalar(-9223372036854775808.0).bits(int64) == std::uint64_t{1} << 63U);
  CHECK(thrown<ValueError>([] { (void)Scalar(300).bits(int8); }) ==
        "the number 300 does not fit into int8, which holds -128 to 127");
}

TEST_CASE("reals round once, to nearest even") {
  CHECK(Scalar(0.1).bits(float32) == 0x3dcccccd);
  CHECK(Scalar(0.1).bits(float16) == 0x2e66);
  CHECK(Scalar(0.1).bits(bfloat16) == 0x3dcd);
  CHECK(Scalar(1e6).bits(float16) == 0x7c00);
  // Just above the middle of two halves: through float it would round to even, downwards.
  CHECK(Scalar(1.0 + 0x1p-11 + 0x1p-40).bits(float16) == 0x3c01);
  CHECK(Scalar(1.0 + 0x1p-11).bits(float16) == 0x3c00);
  CHECK(Scalar(1.0 + 0x1p-8 + 0x1p-50).bits(bfloat16) == 0x3f81);
}

TEST_CASE("an element's bits give its number back") {
  CHECK(Scalar::from_bits(int8, 0xff).integer() == -1);
  CHECK(Scalar::from_bits(float16, 0x3c00).real() == 1.0);
  CHECK(Scalar::from_bits(bool_, 1).kind() == Scalar::Kind::boolean);
  CHECK(Scalar::from_bits(uint64, ~std::uint64_t{0}).text() == "18446744073709551615");
}

TEST_CASE("numbers print as they were written") {
  CHECK(Scalar(2.5).text() == "2.5");
  CHECK(Scalar(3).text() == "3");
  CHECK(Scalar(true).text() == "true");
  CHECK(Scalar(0.1).text() == "0.1");
}

TEST_CASE("dtypes are known by NumPy's names") {
  CHECK(name(bool_) == "bool");
  CHECK(name(bfloat16) == "bfloat16");
  for (int i = 0; i < dtype_count; ++i) {
    CHECK(dtype_named(name(static_cast<DType>(i))) == static_cast<DType>(i));
  }
  CHECK_THROWS_AS(dtype_named("float"), ValueError);
  CHECK_THROWS_AS(dtype_named(""), ValueError);
}

TEST_CASE("two dtypes promote by NumPy's table") {
  CHECK(promote(bool_, int8) == int8);
  CHECK(promote(int8, uint8) == int16);
  CHECK(promote(int16, uint8) == int16);
  CHECK(promote(int32, uint32) == int64);
  CHECK(promote(int64, uint64) == float64);
  CHECK(promote(uint8, uint32) == uint32);
  CHECK(promote(int8, float16) == float16);
  CHECK(promote(int16, float16) == float32);
  CHECK(promote(int32, float16) == float64);
  CHECK(promote(int64, float32) == float64);
  CHECK(promote(float16, bfloat16) == float32);
  CHECK(promote(bfloat16, float32) == float32);
  for (int a = 0; a < dtype_count; ++a) {
    for (int b = 0; b < dtype_count; ++b) {
      CHECK(promote(static_cast<DType>(a), static_cast<DType>(b)) ==
            promote(static_cast<DType>(b), static_cast<DType>(a)));
    }
  }
}

TEST_CASE("every half survives the way through float") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half = Half::from_bits(static_cast<std::uint16_t>(bits));
    const BFloat16 brain = BFloat16::from_bits(static_cast<std::uint16_t>(bits));
    if (!std::isnan(static_cast<float>(half)))
      REQUIRE(Half(static_cast<float>(half)).bits() == bits);
    if (!std::isnan(static_cast<float>(brain)))
      REQUIRE(BFloat16(static_cast<float>(brain)).bits() == bits);
    if (std::isnan(static_cast<float>(half)))
      REQUIRE(std::isnan(static_cast<float>(Half(static_cast<float>(half)))));
  }
  CHECK(Half(65520.0F).bits() == 0x7c00);
  CHECK(Half(65519.0F).bits() == 0x7bff);
  CHECK(Half(0x1p-25F).bits() == 0);
  CHECK(Half(0x1.8p-25F).bits() == 1);
}
