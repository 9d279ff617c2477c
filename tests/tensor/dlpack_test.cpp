#include <rill/tensor/dlpack.h>
#include <rill/tensor/error.h>
#include <rill/tensor/literal.h>

#include <array>
#include <cstdint>
#include <vector>

#include "tests/catch.h"

using namespace rill;

namespace {

/// A tensor of another library: four floats, and how often it was given back.
struct Foreign {
  std::array<float, 4> elements = {1, 2, 3, 4};
  std::array<std::int64_t, 2> shape = {2, 2};
  int returned = 0;
  dlpack::Managed managed{
      {elements.data(), {1, 0}, 2, {2, 32, 1}, shape.data(), nullptr, 0},
      this,
      [](dlpack::Managed* self) { ++static_cast<Foreign*>(self->context)->returned; }};
};

}  // namespace

TEST_CASE("a tensor that is handed out shows its own memory") {
  const Tensor x = tensor({{1.5, 2, 3}, {4, 5, 6}});
  dlpack::Managed* const managed = to_dlpack(x);
  CHECK(managed->tensor.data == x.body().data);
  CHECK(managed->tensor.rank == 2);
  CHECK(managed->tensor.shape[1] == 3);
  CHECK(managed->tensor.strides[0] == 3);
  CHECK(managed->tensor.dtype.code == 2);
  CHECK(managed->tensor.dtype.bits == 32);
  CHECK(managed->tensor.dtype.lanes == 1);
  CHECK(managed->tensor.device.kind == 1);
  managed->deleter(managed);
}

TEST_CASE("the elements live until the deleter is called") {
  Tensor x = tensor({1, 2, 3});
  dlpack::Managed* const managed = to_dlpack(x);
  x = Tensor();
  CHECK(static_cast<const std::int64_t*>(managed->tensor.data)[2] == 3);
  managed->deleter(managed);
}

TEST_CASE("every dtype goes out and comes back") {
  for (int i = 0; i < dtype_count; ++i) {
    const auto dtype = static_cast<DType>(i);
    const Tensor x = tensor({1, 0, 1}, dtype);
    const Tensor y = from_dlpack(to_dlpack(x));
    CHECK(y.dtype() == dtype);
    CHECK(y.to_vector<int>() == std::vector<int>{1, 0, 1});
    CHECK(y.body().data == x.body().data);
    CHECK_FALSE(y.sole_owner());
  }
}

TEST_CASE("the versioned form says that it is read-only") {
  dlpack::ManagedVersioned* const managed = to_dlpack_versioned(tensor({1, 2}));
  CHECK(managed->version.major == 1);
  CHECK((managed->flags & dlpack::read_only) != 0);
  CHECK(from_dlpack(managed).to_vector<int>() == std::vector<int>{1, 2});
}

TEST_CASE("foreign memory is given back once, after the last use") {
  Foreign foreign;
  {
    const Tensor x = from_dlpack(&foreign.managed);
    const Tensor copy = x;  // NOLINT(performance-unnecessary-copy-initialization)
    CHECK(x.contiguous());
    CHECK(x.to_vector<float>() == std::vector<float>{1, 2, 3, 4});
    CHECK_FALSE(x.sole_owner());
    const std::int64_t transposed[] = {1, 2};
    const Tensor view = copy.view({2, 2}, transposed, 0);
    CHECK(view.to_vector<float>() == std::vector<float>{1, 3, 2, 4});
    CHECK(foreign.returned == 0);
  }
  CHECK(foreign.returned == 1);
}

TEST_CASE("strides and offsets of others are kept") {
  Foreign foreign;
  std::array<std::int64_t, 2> strides = {-1, 2};
  foreign.managed.tensor.strides = strides.data();
  foreign.managed.tensor.byte_offset = 4;
  CHECK(from_dlpack(&foreign.managed).to_vector<float>() == std::vector<float>{2, 4, 1, 3});
  CHECK(foreign.returned == 1);
}

TEST_CASE("what cannot be taken over stays the caller's") {
  Foreign foreign;
  const auto refused = [&](auto change, auto error) {
    using E = decltype(error);
    const dlpack::View before = foreign.managed.tensor;
    const std::array<std::int64_t, 2> shape = foreign.shape;
    change(foreign.managed.tensor);
    CHECK_THROWS_AS(from_dlpack(&foreign.managed), E);
    foreign.managed.tensor = before;
    foreign.shape = shape;
  };
  const DTypeError dtype("");
  const DeviceError device("");
  const ShapeError shape("");
  const ValueError value("");
  refused([](dlpack::View& view) { view.dtype.lanes = 4; }, dtype);
  refused([](dlpack::View& view) { view.dtype.code = 5; }, dtype);
  refused([](dlpack::View& view) { view.dtype.bits = 8; }, dtype);
  refused([](dlpack::View& view) { view.device.kind = 2; }, device);
  refused([](dlpack::View& view) { view.rank = 9; }, shape);
  refused([](dlpack::View& view) { view.rank = -1; }, shape);
  refused([](dlpack::View& view) { view.shape[0] = -1; }, shape);
  refused([](dlpack::View& view) { view.shape[0] = view.shape[1] = std::int64_t{1} << 40; }, shape);
  refused([](dlpack::View& view) { view.shape = nullptr; }, value);
  refused([](dlpack::View& view) { view.data = nullptr; }, value);
  refused([](dlpack::View& view) { view.byte_offset = 2; }, value);
  CHECK(foreign.returned == 0);
  CHECK_THROWS_AS(from_dlpack(static_cast<dlpack::Managed*>(nullptr)), ValueError);
  dlpack::ManagedVersioned later{};
  later.version = {2, 0};
  CHECK_THROWS_AS(from_dlpack(&later), ValueError);
}

TEST_CASE("only a tensor with values is handed out") {
  CHECK_THROWS_AS(to_dlpack(Tensor()), ValueError);
  CHECK_THROWS_AS(to_dlpack(Tensor::abstract({2}, float32)), ValueError);
}
