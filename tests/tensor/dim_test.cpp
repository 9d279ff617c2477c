#include <rill/tensor/dim.h>
#include <rill/tensor/error.h>

#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "tests/catch.h"
#include "tests/thrown.h"

using rill::Dim;
using rill::FormatError;
using rill::ShapeError;
using rill::ValueError;
using rill::test::thrown;

namespace {

const Dim batch("batch");
const Dim length("length");

Dim filled(Dim dim, std::int64_t for_batch, std::int64_t for_length) {
  return dim.substitute([&](std::string_view name) -> std::optional<Dim> {
    if (name == "batch") return for_batch;
    if (name == "length") return for_length;
    return std::nullopt;
  });
}

}  // namespace

TEST_CASE("the negative of a size is a size") {
  CHECK(-Dim(3) == Dim(-3));
  CHECK(-Dim("batch") + Dim("batch") == Dim(0));
  static_assert(std::is_same_v<decltype(-Dim(3)), Dim>);
}

TEST_CASE("a known size is a number") {
  CHECK(Dim(7).known());
  CHECK(Dim(7).value() == 7);
  CHECK(static_cast<std::int64_t>(Dim(7) + 1) == 8);
  CHECK(Dim(7) / 2 == Dim(3));
  CHECK(Dim(-7) / 2 == Dim(-4));
  CHECK(Dim(-7) % 2 == Dim(1));
  CHECK(Dim(7) % -2 == Dim(-1));
  CHECK(Dim(7) / -2 == Dim(-4));
  CHECK(Dim::max(3, 5) == Dim(5));
  CHECK(Dim::min(3, 5) == Dim(3));
}

TEST_CASE("equal expressions are equal whatever way they were written") {
  CHECK((batch * 2) / 2 == batch);
  CHECK(batch + batch == 2 * batch);
  CHECK((batch + length) * (batch - length) == batch * batch - length * length);
  CHECK((batch + 1) - 1 == batch);
  CHECK((batch * 2 + 1) / 2 == batch);
  CHECK((batch * 2 + 1) % 2 == Dim(1));
  CHECK((batch / 2) / 3 == batch / 6);
  CHECK((batch * 4) / 6 == (batch * 2) / 3);
  CHECK((batch * 2 + 1) / 4 == batch / 2);
  CHECK((batch * length * 12) / (length * 3) == batch * 4);
  CHECK((batch * length + batch) / (length + 1) == batch);
  CHECK((batch * 6) / (batch * 4) == Dim(1));
  CHECK((batch / 2) * 2 + batch % 2 == batch);
  CHECK(batch / -2 == (0 - batch) / 2);
  CHECK(batch - batch == Dim(0));
  CHECK_FALSE(batch == length);
  CHECK_FALSE(batch / 2 == batch);
  CHECK(Dim("batch") == batch);
}

TEST_CASE("maxima and minima know that sizes are not negative") {
  CHECK(Dim::max(batch, 0) == batch);
  CHECK(Dim::min(batch, 0) == Dim(0));
  CHECK(Dim::max(batch + 1, batch) == batch + 1);
  CHECK(Dim::min(batch + length, batch) == batch);
  CHECK(Dim::max(batch, length) == Dim::max(length, batch));
  CHECK(Dim::max(Dim::max(batch, 4), length) == Dim::max(batch, Dim::max(length, 4)));
  CHECK(Dim::max(Dim::max(batch, 4), 9) == Dim::max(9, batch));
  CHECK(Dim::max(Dim::max(batch, 4), 2) == Dim::max(batch, 4));
  CHECK(Dim::min(batch, batch) == batch);
  CHECK_FALSE(Dim::max(batch - 1, 0) == batch - 1);
}

TEST_CASE("fresh unknowns equal nothing else") {
  const Dim a = Dim::fresh();
  const Dim b = rill::unknown;
  CHECK_FALSE(a == b);
  CHECK(a == a);
  CHECK(a.text().front() == '?');
}

TEST_CASE("a fresh unknown avoids the names that a text has brought") {
  const std::int64_t last = std::stoll(Dim::fresh().text().substr(1));
  const Dim read = Dim::parse("?" + std::to_string(last + 1));
  CHECK_FALSE(Dim::fresh() == read);
}

TEST_CASE("a symbolic size has no number") {
  CHECK_FALSE(batch.known());
  CHECK(thrown<ValueError>([] { (void)static_cast<int>(batch * 2); }) ==
        "the size '2*batch' is not known here");
}

TEST_CASE("sizes print as one would write them") {
  CHECK(Dim(3).text() == "3");
  CHECK((2 * batch + 1).text() == "2*batch+1");
  CHECK((1 - batch).text() == "-batch+1");
  CHECK((batch - 1).text() == "batch-1");
  CHECK((batch / 2).text() == "batch/2");
  CHECK(((batch + 1) / 2).text() == "(batch+1)/2");
  CHECK((3 * (batch / 2) + 1).text() == "3*(batch/2)+1");
  CHECK((batch / (length * 2)).text() == "batch/(2*length)");
  CHECK((batch * batch * length).text() == "batch*batch*length");
  CHECK((batch % 2).text() == "-2*(batch/2)+batch");
  CHECK(Dim::max(4, batch).text() == "max(batch, 4)");
  CHECK(Dim::min(length, batch).text() == "min(batch, length)");
  std::ostringstream out;
  out << batch * 2;
  CHECK(out.str() == "2*batch");
}

TEST_CASE("what is printed is read as the same size") {
  for (const Dim dim : {Dim(0), Dim(-12), batch, 2 * batch + 1, 1 - batch,
                        (batch + 1) / 2 * 3 - length / (batch + 1), batch % 7,
                        (batch * length) % (batch + 3), Dim::max(Dim::min(batch / 2, length), 4),
                        Dim::fresh() * 3, (batch - 5) / 2, Dim::max(batch - 5, 0) * length}) {
    INFO(dim.text());
    CHECK(Dim::parse(dim.text()) == dim);
  }
  CHECK(Dim::parse(" ( batch + 1 ) * 2 ") == 2 * batch + 2);
  CHECK(Dim::parse("batch % 2") == batch % 2);
  CHECK(Dim::parse("-batch/2") == 0 - batch / 2);
}

TEST_CASE("random expressions agree with numbers, and survive printing") {
  std::mt19937 random(1);
  const auto draw = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 2000; ++round) {
    const std::int64_t b = draw(20);
    const std::int64_t l = draw(20);
    std::vector<Dim> symbols = {batch, length, Dim(draw(9) - 4), Dim(draw(9) + 1)};
    std::vector<Dim> numbers = {Dim(b), Dim(l), symbols[2], symbols[3]};
    for (int step = 0; step < 6; ++step) {
      const auto i = static_cast<std::size_t>(draw(static_cast<int>(symbols.size())));
      const auto j = static_cast<std::size_t>(draw(static_cast<int>(symbols.size())));
      const int operation = draw(7);
      // Positive divisors only: dividing by an unknown size takes it to be no zero.
      const Dim divisor = draw(2) != 0 ? Dim(draw(5) + 1) : batch + 1;
      const Dim number = divisor.known() ? divisor : Dim(b + 1);
      const auto apply = [&](Dim x, Dim y, Dim d) {
        switch (operation) {
          case 0:
            return x + y;
          case 1:
            return x - y;
          case 2:
            return x * y;
          case 3:
            return x / d;
          case 4:
            return x % d;
          case 5:
            return Dim::max(x, y);
          default:
            return Dim::min(x, y);
        }
      };
      Dim symbol;
      try {
        symbol = apply(symbols[i], symbols[j], divisor);
      } catch (const ShapeError&) {  // too long: refused
        continue;
      }
      symbols.push_back(symbol);
      numbers.push_back(apply(numbers[i], numbers[j], number));
    }
    for (std::size_t k = 0; k < symbols.size(); ++k) {
      INFO(symbols[k].text() << " with batch " << b << ", length " << l);
      REQUIRE(filled(symbols[k], b, l) == numbers[k]);
      REQUIRE(Dim::parse(symbols[k].text()) == symbols[k]);
    }
  }
}

TEST_CASE("substitution leaves what it is not given") {
  const Dim size = (batch * length + 1) / 2;
  CHECK(filled(size, 3, 5) == Dim(8));
  const Dim half = size.substitute([](std::string_view name) -> std::optional<Dim> {
    if (name == "batch") return Dim(4);
    return std::nullopt;
  });
  CHECK(half == 2 * length);
  CHECK(size.substitute([](std::string_view) { return std::nullopt; }) == size);
  CHECK(batch.substitute([](std::string_view) { return length + 1; }) == length + 1);
}

TEST_CASE("sizes that overflow are shape errors") {
  const Dim large = std::int64_t{1} << 60;
  CHECK_THROWS_AS(large * 4, ShapeError);
  CHECK_THROWS_AS(large + large, ShapeError);
  CHECK_THROWS_AS(Dim(0) - large - large - 1, ShapeError);
  CHECK_THROWS_AS(batch * large * 4, ShapeError);
  CHECK_THROWS_AS(batch * large * large, ShapeError);
  CHECK_THROWS_AS(Dim(std::int64_t{1} << 61), ValueError);
  CHECK((0 - large - large).value() == -(std::int64_t{1} << 61));
}

TEST_CASE("division by zero is a value error") {
  CHECK_THROWS_AS(Dim(1) / 0, ValueError);
  CHECK_THROWS_AS(Dim(1) % 0, ValueError);
  CHECK(thrown<ValueError>([] { (void)(batch / 0); }) == "the size batch is divided by zero");
  CHECK_THROWS_AS(filled(length / batch, 0, 1), ValueError);
}

TEST_CASE("an expression cannot grow without end") {
  CHECK_THROWS_AS(
      [] {
        Dim dim = batch;
        for (int i = 0; i < 1000; ++i) dim = Dim::max(dim / 3 + 1, length) * (dim / 2);
      }(),
      ShapeError);
}

TEST_CASE("names that could not be read back are refused") {
  for (const char* name : {"", "two words", "7up", "a-b", "max", "min", "?", "?7", "\xc3\xa9"}) {
    CHECK_THROWS_AS(Dim(name), ValueError);
  }
  CHECK(Dim("_batch_2").text() == "_batch_2");
}

TEST_CASE("texts that are no sizes are refused") {
  for (const char* text : {"",
                           " ",
                           "1+",
                           "2*",
                           "(batch",
                           "batch)",
                           "1.5",
                           "max()",
                           "max(1",
                           "max",
                           "2batch",
                           "99999999999999999999",
                           "2305843009213693952",
                           "1/0",
                           "batch batch",
                           "a$b",
                           "?",
                           "?a",
                           "--1",
                           "batch/(1-1)",
                           "1152921504606846976*4"}) {
    INFO(text);
    CHECK_THROWS_AS(Dim::parse(text), FormatError);
  }
  CHECK(thrown<FormatError>([] { Dim::parse("2*batch+"); }) ==
        "the size '2*batch+' cannot be read: expected a number or a name at character 9");
  CHECK_THROWS_AS(Dim::parse(std::string(100000, '(')), FormatError);
  CHECK_THROWS_AS(Dim::parse(std::string(500, '(') + "1" + std::string(500, ')')), FormatError);
  std::string product = "(a0";
  for (int i = 1; i < 90; ++i) product += "+a" + std::to_string(i);
  product += ")";
  CHECK_THROWS_AS(Dim::parse(product + "*" + product), FormatError);
}

TEST_CASE("threads that make the same sizes get the same sizes") {
  std::vector<std::vector<Dim>> made(4);
  std::vector<std::thread> threads;
  for (std::vector<Dim>& mine : made) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 500; ++i) mine.push_back((Dim("shared" + std::to_string(i)) * 2 + i) / 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<Dim>& mine : made) CHECK(mine == made.front());
}
