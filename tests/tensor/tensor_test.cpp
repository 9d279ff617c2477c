#include <rill/tensor/allocator.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/tensor.h>

#include <array>
#include <atomic>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/catch.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::thrown;

TEST_CASE("an undefined tensor says so in every use") {
  const Tensor x;
  CHECK_FALSE(x.defined());
  CHECK(x.type_text() == "undefined");
  CHECK_THROWS_AS(x.dtype(), ValueError);
  CHECK_THROWS_AS(x.shape(), ValueError);
  CHECK_THROWS_AS(x.item<float>(), ValueError);
  CHECK_THROWS_AS(x.to_vector<float>(), ValueError);
  CHECK_THROWS_AS(x.data<float>(), ValueError);
  CHECK_THROWS_AS(static_cast<bool>(x), ValueError);
  CHECK(thrown<ValueError>([&] { (void)x.item<float>({"main.cpp", 3}); }) ==
        "item: the tensor is undefined (default-constructed or moved from), at main.cpp:3");
}

TEST_CASE("a copy is the same value, a moved-from tensor is undefined") {
  Tensor x = tensor({1, 2, 3});
  const Tensor copy = x;
  CHECK(copy.id() == x.id());
  CHECK(copy.body_or_null() == x.body_or_null());
  CHECK_FALSE(x.sole_owner());
  const Tensor moved = std::move(x);
  CHECK_FALSE(x.defined());  // NOLINT(bugprone-use-after-move): what the test is about
  CHECK(moved.id() == copy.id());
}

TEST_CASE("every value has an id of its own, in every thread") {
  std::vector<std::vector<std::uint64_t>> ids(4);
  std::vector<std::thread> threads;
  for (std::vector<std::uint64_t>& mine : ids) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 1000; ++i) mine.push_back(Tensor::empty({1}, float32).id());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::uint64_t> all;
  for (const auto& mine : ids) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 4000);
  CHECK(all.count(0) == 0);
}

TEST_CASE("new memory is contiguous, aligned and the tensor's own") {
  const Tensor x = Tensor::empty({2, 3, 4}, float64);
  CHECK(x.shape() == Shape{2, 3, 4});
  CHECK(x.rank() == 3);
  CHECK(x.size() == 24);
  CHECK(x.dtype() == float64);
  CHECK(x.device() == Device::cpu());
  CHECK(x.contiguous());
  CHECK(x.sole_owner());
  CHECK_FALSE(x.abstract());
  CHECK(std::vector<std::int64_t>(x.strides().begin(), x.strides().end()) ==
        std::vector<std::int64_t>{12, 4, 1});
  CHECK(reinterpret_cast<std::uintptr_t>(x.body().data) % 64 == 0);
  CHECK(x.type_text() == "float64[2,3,4]");
  CHECK(Tensor::empty({}, int8).size() == 1);
  CHECK(Tensor::empty({0, 5}, int8).size() == 0);
}

TEST_CASE("memory goes back when the last tensor that needs it is gone") {
  const std::size_t before = memory_statistics().allocated;
  {
    Tensor view;
    {
      const Tensor x = Tensor::empty({1000}, float32);
      const std::int64_t strides[] = {2};
      view = x.view({500}, strides, 1);
      CHECK(view.body().data == x.body().data + 4);
      CHECK_FALSE(x.sole_owner());
    }
    CHECK(memory_statistics().allocated >= before + 4000);
    CHECK_FALSE(view.contiguous());
  }
  CHECK(memory_statistics().allocated == before);
}

TEST_CASE("tensors may be freed by other threads than made them, and after those have ended") {
  const std::size_t before = memory_statistics().allocated;
  std::vector<Tensor> made;
  std::thread([&made] {
    for (int i = 0; i < 1000; ++i) made.push_back(Tensor::empty({i}, float32));
  }).join();
  std::thread([&made] { made.clear(); }).join();
  CHECK(memory_statistics().allocated == before);
}

TEST_CASE("one tensor may be copied and dropped by many threads at once") {
  const Tensor x = tensor({1, 2, 3});
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const Tensor copy = x;  // NOLINT(performance-unnecessary-copy-initialization)
        sum += copy.rank();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(sum == 8000);
  CHECK(x.sole_owner());
}

TEST_CASE("shapes that no memory can hold are shape errors") {
  CHECK_THROWS_AS(Tensor::empty({std::int64_t{1} << 40, std::int64_t{1} << 40}, float32),
                  ShapeError);
  CHECK_THROWS_AS(Tensor::empty({std::int64_t{1} << 60}, float64), ShapeError);
  CHECK_THROWS_AS(Tensor::empty({-1}, float32), ShapeError);
  CHECK_THROWS_AS(Tensor::empty({-1, 0}, float32), ShapeError);
  CHECK_THROWS_AS(Tensor::empty({Dim("batch")}, float32), ValueError);
  CHECK(Tensor::empty({0, std::int64_t{1} << 40, std::int64_t{1} << 40}, float32).size() == 0);
  CHECK_THROWS_AS(Tensor::empty({std::int64_t{1} << 50}, float32), OutOfMemoryError);
}

TEST_CASE("an abstract tensor has a dtype and a shape, and no values") {
  const Tensor x = Tensor::abstract({Dim("batch"), 3}, float16);
  CHECK(x.abstract());
  CHECK(x.type_text() == "float16[batch,3]");
  CHECK(x.dim(0) == Dim("batch"));
  CHECK_THROWS_AS(x.size(), ValueError);
  CHECK(thrown<ValueError>([&] { (void)x.to_vector<float>({"main.cpp", 9}); }) ==
        "to_vector: float16[batch,3] is abstract: it has a dtype and a shape, but no values, at "
        "main.cpp:9");
  CHECK_THROWS_AS(Tensor::abstract({}, float32).item<float>(), ValueError);
}

TEST_CASE("a number on its way into an operation is a weak tensor") {
  CHECK(Tensor::weak(2.5).dtype() == float32);
  CHECK(Tensor::weak(2.5).item<double>() == 2.5);
  CHECK(Tensor::weak(3).dtype() == int64);
  CHECK(Tensor::weak(true).dtype() == bool_);
  CHECK(Tensor::weak(true).item<int>() == 1);
  CHECK(Tensor::weak(std::uint64_t{1} << 63U).item<std::uint64_t>() == std::uint64_t{1} << 63U);
  CHECK(Tensor::weak(7).view({}, {}, 0).item<int>() == 7);
}

TEST_CASE("axes count from either end") {
  const Tensor x = Tensor::empty({2, 3}, float32);
  CHECK(x.dim(0) == Dim(2));
  CHECK(x.dim(-1) == Dim(3));
  CHECK(thrown<IndexError>([&] { (void)x.dim(2, {"main.cpp", 4}); }) ==
        "dim: axis 2 is outside [-2, 2) for float32[2,3], at main.cpp:4");
  CHECK_THROWS_AS(x.dim(-3), IndexError);
}

TEST_CASE("views read through any strides") {
  const Tensor x = tensor({{0, 1, 2}, {3, 4, 5}});
  const auto read = [&](const Shape& shape, std::vector<std::int64_t> strides,
                        std::int64_t offset) {
    return x.view(shape, strides, offset).to_vector<int>();
  };
  CHECK(read({3, 2}, {1, 3}, 0) == std::vector<int>{0, 3, 1, 4, 2, 5});
  CHECK(read({2, 3}, {-3, -1}, 5) == std::vector<int>{5, 4, 3, 2, 1, 0});
  CHECK(read({2, 2}, {0, 2}, 0) == std::vector<int>{0, 2, 0, 2});
  CHECK(read({}, {}, 4) == std::vector<int>{4});
  CHECK(read({0}, {1}, 0).empty());
  CHECK(x.view({6}, std::array<std::int64_t, 1>{1}, 0).contiguous());
  CHECK(x.view({1, 2}, std::array<std::int64_t, 2>{99, 1}, 0).contiguous());
  CHECK_FALSE(x.view({3}, std::array<std::int64_t, 1>{2}, 0).contiguous());
}

TEST_CASE("reading converts: floats saturate into integers, and NaN gives 0") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = tensor({1.9, -1.9, 300.0, -300.0, 1e30, nan}, float64);
  CHECK(x.to_vector<std::int8_t>() == std::vector<std::int8_t>{1, -1, 127, -128, 127, 0});
  CHECK(x.to_vector<std::uint8_t>() == std::vector<std::uint8_t>{1, 0, 255, 0, 255, 0});
  CHECK(x.to_vector<std::int64_t>()[4] == std::numeric_limits<std::int64_t>::max());
  CHECK(tensor({257, -1}).to_vector<std::uint8_t>() == std::vector<std::uint8_t>{1, 255});
  CHECK(tensor({0.1}, float64).to_vector<Half>()[0].bits() == 0x2e66);
}

TEST_CASE("an item is the only element") {
  CHECK(tensor({{2.5}}).item<float>() == 2.5F);
  CHECK(tensor(7).item<double>() == 7.0);
  CHECK(thrown<ValueError>([] { (void)tensor({1, 2}).item<int>({"main.cpp", 6}); }) ==
        "item: int64[2] has not exactly one element: use to_vector or an index, at main.cpp:6");
  CHECK_THROWS_AS(Tensor::empty({0}, float32).item<float>(), ValueError);
}

TEST_CASE("a tensor of one element is a condition") {
  CHECK(static_cast<bool>(tensor(0.5)));
  CHECK_FALSE(static_cast<bool>(tensor({{0}})));
  CHECK(static_cast<bool>(tensor(std::numeric_limits<double>::quiet_NaN())));
  CHECK_THROWS_AS(static_cast<bool>(tensor({1, 2})), ValueError);
}

TEST_CASE("the elements themselves can be looked at where they lie in order") {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  CHECK(x.data<std::int64_t>()[3] == 4);
  CHECK_THROWS_AS(x.data<float>(), DTypeError);
  CHECK_THROWS_AS(x.view({2, 2}, std::array<std::int64_t, 2>{1, 2}, 0).data<std::int64_t>(),
                  ValueError);
}

TEST_CASE("memory of somebody else's is read in place and given back once") {
  std::array<float, 6> theirs = {0, 1, 2, 3, 4, 5};
  int released = 0;
  {
    const Tensor x = Tensor::wrap(theirs.data(), {3, 2}, std::array<std::int64_t, 2>{1, 3}, float32,
                                  [&released] { ++released; });
    CHECK(x.to_vector<int>() == std::vector<int>{0, 3, 1, 4, 2, 5});
    theirs[3] = 7;
    CHECK(x.to_vector<int>()[1] == 7);
    CHECK_FALSE(x.sole_owner());
    CHECK(released == 0);
  }
  CHECK(released == 1);
  const Tensor empty = Tensor::wrap(nullptr, {0}, std::array<std::int64_t, 1>{1}, float32, {});
  CHECK(empty.size() == 0);
  CHECK_FALSE(empty.abstract());
}

TEST_CASE("memory that cannot be a tensor's is refused") {
  alignas(8) std::array<std::byte, 16> bytes{};
  const std::array<std::int64_t, 1> one = {1};
  CHECK_THROWS_AS(Tensor::wrap(nullptr, {2}, one, float32, {}), ValueError);
  CHECK_THROWS_AS(Tensor::wrap(bytes.data() + 1, {2}, one, float32, {}), ValueError);
  CHECK_THROWS_AS(Tensor::wrap(bytes.data(), {-2}, one, float32, {}), ShapeError);
  CHECK_THROWS_AS(Tensor::wrap(bytes.data(), {2, 2}, one, float32, {}), ShapeError);
  CHECK_THROWS_AS(Tensor::wrap(bytes.data(), {Dim("batch")}, one, float32, {}), ValueError);
}

TEST_CASE("listeners hear the host read and create, each with its line") {
  struct Ears : Listener {
    std::vector<std::pair<HostReadEvent::Kind, int>> reads;
    std::vector<int> creations;
    void host_read(const HostReadEvent& event) override {
      reads.emplace_back(event.kind, event.where.line);
    }
    void creation(const CreationEvent& event) override { creations.push_back(event.where.line); }
  } ears;
  const Listening listening(ears);
  const Tensor x = tensor({1}, {"main.cpp", 1});
  (void)x.item<int>({"main.cpp", 2});
  (void)x.to_vector<int>({"main.cpp", 3});
  (void)x.data<std::int64_t>({"main.cpp", 4});
  (void)static_cast<bool>(x);
  using Kind = HostReadEvent::Kind;
  CHECK(ears.creations == std::vector<int>{1});
  CHECK(ears.reads == std::vector<std::pair<Kind, int>>{
                          {Kind::item, 2}, {Kind::data, 3}, {Kind::data, 4}, {Kind::boolean, 0}});
}
