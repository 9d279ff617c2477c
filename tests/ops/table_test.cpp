// The checks that every row of the table of operators must pass.

#include "tests/ops/table.h"

#include <rill/autograd/check_gradients.h>
#include <rill/autograd/tape.h>
#include <rill/cpu/code_cache.h>
#include <rill/cpu/llvm_module.h>
#include <rill/cpu/thread_pool.h>
#include <rill/ops/call.h>
#include <rill/ops/families.h>
#include <rill/ops/join.h>
#include <rill/tensor/different_sizes.h>
#include <rill/tensor/equal_sizes.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <set>
#include <sstream>

#include "tests/catch.h"

namespace rill::table {
namespace {

Array read(const Tensor& x) {
  Array array;
  for (const Dim size : x.shape()) array.shape.push_back(size.value());
  array.values = x.to_vector<double>();
  return array;
}

double spacing(DType dtype) {
  switch (dtype) {
    case float16:
      return 0x1p-10;
    case bfloat16:
      return 0x1p-7;
    case float32:
      return 0x1p-23;
    case float64:
      return 0x1p-52;
    default:
      return 0;
  }
}

double least_normal(DType dtype) {
  return dtype == float16 ? 0x1p-14 : dtype == float64 ? 0x1p-1022 : 0x1p-126;
}

double largest(DType dtype) {
  return dtype == float16    ? 65504
         : dtype == bfloat16 ? 0x1.fep127
         : dtype == float32  ? static_cast<double>(std::numeric_limits<float>::max())
                             : std::numeric_limits<double>::max();
}

/// The elements are those of the reference, up to the row's bound.
void require_close(const Row& row, const Tensor& got, const Array& want) {
  const Array values = read(got);
  REQUIRE(values.shape == want.shape);
  const DType dtype = got.dtype();
  const double epsilons = is_half(dtype) ? std::max(1.0, row.epsilons / 1024) : row.epsilons;
  double scale = 0;
  for (const double v : want.values) {
    if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  }
  for (std::size_t i = 0; i < want.values.size(); ++i) {
    const double g = values.values[i];
    const double w = want.values[i];
    if (std::isnan(w) && std::isnan(g)) continue;
    if (g == w) continue;
    const double bound =
        epsilons * spacing(dtype) * std::max(row.scaled ? scale : std::abs(w), least_normal(dtype));
    // A result beyond the largest number rounds to infinity.
    if (std::isinf(g) && std::abs(w) + bound >= largest(dtype) &&
        std::signbit(g) == std::signbit(w))
      continue;
    INFO("element " << i << ": " << g << ", should be " << w << " within " << bound);
    REQUIRE(std::abs(g - w) <= bound);
  }
}

/// The same dtype, shape and bits; which NaN does not matter.
void require_same(const Tensor& got, const Tensor& want) {
  REQUIRE(got.type_text() == want.type_text());
  const Tensor a = got.contiguous_copy();
  const Tensor b = want.contiguous_copy();
  visit(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto x = a.data<T>();
    const auto y = b.data<T>();
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (bits_of(x[i]) == bits_of(y[i])) continue;
      INFO("element " << i);
      REQUIRE(static_cast<double>(x[i]) == static_cast<double>(y[i]));
      FAIL("zeros of different sign");
    }
  });
}

// ---- The same values in other places of memory ------------------------------------------------

Tensor transposed_memory(const Tensor& x) { return transpose(copy(transpose(x))); }
Tensor reversed_memory(const Tensor& x) { return flip(copy(flip(x))); }
Tensor stepped_memory(const Tensor& x) {
  if (x.rank() == 0) return x;
  return repeat(x, 2, x.rank() - 1)(ellipsis, slice({}, {}, 2));
}
Tensor offset_memory(const Tensor& x) {
  if (x.rank() == 0) return stack({x, x})(1);
  const Tensor wider = concat({x(ellipsis, slice(0, 1)), x}, x.rank() - 1);
  return wider(ellipsis, slice(1, {}));
}
/// The first element of the last axis everywhere along it: other values.
Tensor stretched_memory(const Tensor& x) {
  if (x.rank() == 0 || x.size() == 0) return x;
  return broadcast_to(x(ellipsis, slice(0, 1)), x.shape());
}

std::vector<Tensor> arranged(const std::vector<Tensor>& x, Tensor (*arrangement)(const Tensor&)) {
  std::vector<Tensor> result;
  for (const Tensor& t : x) result.push_back(arrangement(t));
  return result;
}

std::string error_name(const std::exception& error) {
  if (dynamic_cast<const ShapeError*>(&error) != nullptr) return "ShapeError";
  if (dynamic_cast<const DTypeError*>(&error) != nullptr) return "DTypeError";
  if (dynamic_cast<const DeviceError*>(&error) != nullptr) return "DeviceError";
  if (dynamic_cast<const IndexError*>(&error) != nullptr) return "IndexError";
  if (dynamic_cast<const ValueError*>(&error) != nullptr) return "ValueError";
  return "another error";
}

std::set<std::string> names_in(const Family& family) {
  std::set<std::string> names;
  for (const Row& row : family.rows) {
    names.insert(row.name);
    names.insert(row.also.begin(), row.also.end());
  }
  return names;
}

TEST_CASE("every operator has a row in the table") {
  for (const Family& family : all_families()) {
    const std::set<std::string> covered = names_in(family);
    for (const Op& op : family.ops()) {
      INFO("the operator " << op.name << " has no row in tests/ops/table/" << family.name
                           << ".cpp");
      CHECK(covered.count(std::string(op.name)) == 1);
    }
  }
}

TEST_CASE("every public function of tensors has a row in the table") {
  const std::regex declaration(R"(^RILL_API (?:Tensor|std::vector<Tensor>|\w+Result) (\w+)\()");
  for (const Family& family : all_families()) {
    const std::set<std::string> covered = names_in(family);
    std::ifstream header(RILL_SOURCE_DIR "/ops/" + family.name + ".h");
    REQUIRE(header.good());
    for (std::string line; std::getline(header, line);) {
      std::smatch found;
      if (!std::regex_search(line, found, declaration)) continue;
      INFO(found[1] << " of ops/" << family.name << ".h has no row in tests/ops/table");
      CHECK(covered.count(found[1]) == 1);
    }
  }
}

TEST_CASE("results are those of the reference in every dtype") {
  for (const Row& row : rows()) {
    DYNAMIC_SECTION(row.name) {
      for (const Case& c : row.cases) {
        for (const DType dtype : row.dtypes) {
          if (!c.reference || (c.floats_only && !is_float(dtype))) continue;
          INFO(title(row, c, dtype));
          const std::vector<Tensor> x = operands(c.inputs, dtype);
          std::vector<Array> arrays;
          for (const Tensor& t : x) arrays.push_back(read(t));
          const Tensor y = c.apply(x);
          REQUIRE(name(y.dtype()) == name(row.result(dtype)));
          require_close(row, y, c.reference(arrays));
        }
      }
    }
  }
}

TEST_CASE("results do not depend on how operands lie in memory") {
  for (const Row& row : rows()) {
    DYNAMIC_SECTION(row.name) {
      for (const Case& c : row.cases) {
        const DType dtype = row.dtypes[0];
        INFO(title(row, c, dtype));
        const std::vector<Tensor> x = operands(c.inputs, dtype);
        const Tensor y = c.apply(x);
        for (const auto arrangement :
             {transposed_memory, reversed_memory, stepped_memory, offset_memory}) {
          require_same(c.apply(arranged(x, arrangement)), y);
        }
        const std::vector<Tensor> stretched = arranged(x, stretched_memory);
        const auto own = [](const Tensor& t) { return copy(t); };
        require_same(c.apply(stretched), c.apply(arranged(stretched, own)));
      }
    }
  }
}

TEST_CASE("results do not depend on the number of threads") {
  const int before = cpu::threads();
  for (const Row& row : rows()) {
    if (row.large.empty()) continue;
    DYNAMIC_SECTION(row.name) {
      const std::vector<Tensor> x = operands(row.large, row.dtypes[0]);
      cpu::set_threads(1);
      const Tensor y = row.cases[0].apply(x);
      for (const int threads : {2, 7, 16}) {
        INFO(threads << " threads");
        cpu::set_threads(threads);
        require_same(row.cases[0].apply(x), y);
      }
    }
  }
  cpu::set_threads(before);
}

/// Unknown sizes in place of those beyond 1, each named after its value: `s3`.
Tensor unknown_sizes(const Tensor& x) {
  Shape shape;
  for (const Dim size : x.shape()) {
    shape.push_back(size.value() > 1 ? Dim("s" + size.text()) : size);
  }
  return Tensor::abstract(shape, x.dtype());
}

Dim filled_in(Dim size) {
  return size.substitute([](std::string_view symbol) {
    return std::optional<Dim>(std::stoll(std::string(symbol.substr(1))));
  });
}
Shape filled_in(const Shape& shape) {
  Shape filled;
  for (const Dim size : shape) filled.push_back(filled_in(size));
  return filled;
}

TEST_CASE("shapes of symbolic sizes, filled in, are the concrete ones") {
  for (const Row& row : rows()) {
    DYNAMIC_SECTION(row.name) {
      for (const Case& c : row.cases) {
        if (!c.symbolic) continue;
        INFO(title(row, c, row.dtypes[0]));
        const std::vector<Tensor> x = operands(c.inputs, row.dtypes[0]);
        const Tensor concrete = c.apply(x);
        const EqualSizes needed;
        std::vector<DifferentSizes::Pair> different;
        const DifferentSizes collected(different);
        const Tensor symbolic = c.apply(arranged(x, unknown_sizes));
        for (const auto& [a, b] : different) FAIL(a << " was compared with " << b);
        for (const EqualPair& pair : needed.pairs()) {
          INFO(pair.a << " must be " << pair.b);
          REQUIRE(filled_in(pair.a) == filled_in(pair.b));
        }
        REQUIRE(symbolic.abstract());
        REQUIRE(name(symbolic.dtype()) == name(concrete.dtype()));
        REQUIRE(filled_in(symbolic.shape()).text() == concrete.shape().text());
      }
    }
  }
}

TEST_CASE("gradients of first and second order are those of differences") {
  for (const Row& row : rows()) {
    if (row.order == 0) continue;
    DYNAMIC_SECTION(row.name) {
      for (const Case& c : row.cases) {
        const std::vector<Tensor> x = operands(c.inputs, float64);
        std::int64_t elements = 0;
        for (const Tensor& t : x) elements += t.size();
        if (!c.differentiable || elements == 0 || elements > 64) continue;
        INFO(title(row, c, float64));
        const GradientCheck check = check_gradients(c.apply, x, {.order = row.order});
        INFO(check.text);
        REQUIRE(check.ok);
      }
    }
  }
}

/// The operands with nothing along every axis of this size.
std::vector<Input> without(std::vector<Input> inputs, std::int64_t size) {
  for (Input& input : inputs) std::replace(input.shape.begin(), input.shape.end(), size, {});
  return inputs;
}

/// For each operand that is a float: whether a gradient leads back to it.
std::vector<bool> connected(const Case& c, const std::vector<Tensor>& x) {
  GradientTape tape;
  const std::vector<Source> sources = watched_floats(tape, x);
  std::vector<bool> defined;
  for (const Tensor& gradient :
       tape.gradient(sum(c.apply(x)), sources, {.unconnected = Unconnected::none}))
    defined.push_back(gradient.defined());
  return defined;
}

/// True where the case takes no operands like these: some sizes must not be 0.
bool refused(const Case& c, const std::vector<Tensor>& x) {
  try {
    (void)c.apply(x);
    return false;
  } catch (const Error&) {
    return true;
  }
}

TEST_CASE("gradients of empty operands are those of differences, and as connected as of others") {
  for (const Row& row : rows()) {
    if (row.order == 0) continue;
    DYNAMIC_SECTION(row.name) {
      for (const Case& c : row.cases) {
        if (!c.differentiable) continue;
        const std::vector<Tensor> full = operands(c.inputs, float64);
        std::set<std::int64_t> sizes;
        for (const Input& input : c.inputs) sizes.insert(input.shape.begin(), input.shape.end());
        for (const std::int64_t size : sizes) {
          const std::vector<Tensor> x = operands(without(c.inputs, size), float64);
          if (refused(c, x)) continue;
          INFO(title(row, c, float64) << ", with 0 in place of " << size);
          const GradientCheck check = check_gradients(c.apply, x, {.order = row.order});
          INFO(check.text);
          REQUIRE(check.ok);
          REQUIRE(connected(c, x) == connected(c, full));
        }
      }
    }
  }
}

TEST_CASE("an undefined operand is an error that names the operator") {
  for (const Row& row : rows()) {
    const Case& c = row.cases[0];
    for (std::size_t k = 0; k < c.inputs.size(); ++k) {
      INFO(row.name << ", operand " << k);
      std::vector<Tensor> x = operands(c.inputs, row.dtypes[0]);
      x[k] = Tensor();
      REQUIRE_THROWS_AS(c.apply(x), ValueError);
    }
  }
}

TEST_CASE("wrong operands are errors that say what is wrong, and where") {
  for (const Row& row : rows()) {
    for (const Bad& bad : row.bad) {
      INFO(row.name << ": " << bad.text);
      try {
        bad.call();
        FAIL("nothing was thrown");
      } catch (const Error& error) {
        CHECK(error_name(error) == bad.error);
        const std::string text = error.what();
        const std::size_t end = text.rfind(", at ");
        REQUIRE(end != std::string::npos);
        CHECK(text.substr(0, end) == bad.text);
        // The line is the row's own, not one inside the library.
        const std::string place = text.substr(end + 5);
        CHECK(std::filesystem::exists(std::string(RILL_SOURCE_DIR "/tests/ops/table/") +
                                      place.substr(0, place.find(':'))));
      }
    }
  }
}

TEST_CASE("no operator of the table is interpreted for want of a compiler that takes it") {
  if (cpu::llvm_module_status().starts_with("none")) return;
  const auto before = cpu::code_cache_statistics().interpreted;
  for (const Row& row : rows()) {
    for (const Case& c : row.cases) {
      for (const DType dtype : row.dtypes) {
        if (!c.floats_only || is_float(dtype)) (void)c.apply(operands(c.inputs, dtype));
      }
    }
  }
  CHECK(cpu::code_cache_statistics().interpreted == before);
}

}  // namespace
}  // namespace rill::table
