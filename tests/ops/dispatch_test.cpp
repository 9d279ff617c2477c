#include "tests/catch.h"
#include "tests/thrown.h"

#include <functional>
#include <string>

#include <rill/cpu/allocator.h>
#include <rill/rill.h>

using namespace rill;

namespace {

/// Lets a scope take so many bytes more than are taken now.
class Room {
 public:
  explicit Room(std::size_t bytes) { set_memory_limit(memory_statistics().allocated + bytes); }
  ~Room() { set_memory_limit(found_); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

 private:
  std::size_t found_ = cpu::memory_limit();
};

/// What a call says that does not find 4 MiB (and what a block of memory needs besides).
std::string said(const std::function<void()>& call) {
  const Room room(1048576);
  return rill::test::thrown<OutOfMemoryError>(call);
}

}  // namespace

TEST_CASE("running out of memory names the operation and the user's line, once", "[ops]") {
  const Tensor x = ones({1024, 1024});
  const Tensor image = ones({1, 512, 512, 4});
  const Tensor filters = ones({3, 3, 4, 4});
  Tensor sum = ones({1, 1024});
  const std::string asked = ": out of memory: 4194560 bytes asked for, ";
  const auto check = [&](const std::string& name, int line, const std::function<void()>& call) {
    const std::string text = said(call);
    INFO(text);
    CHECK(text.rfind(name + asked, 0) == 0);
    const std::string place = ", at dispatch_test.cpp:" + std::to_string(line);
    CHECK(text.size() > place.size());
    CHECK(text.find(place) == text.size() - place.size());
  };
  for (int time = 0; time < 2; ++time) {  // the first call of its form, and one that is known
    check("add", __LINE__, [&] { (void)(x + x); });
    check("add", __LINE__, [&] { (void)(x + sum); });
    check("exp", __LINE__, [&] { (void)exp(x); });
    check("add", __LINE__, [&] { sum += x; });
    check("matmul", __LINE__, [&] { (void)matmul(x, x); });
    check("softmax", __LINE__, [&] { (void)softmax(x); });
    check("full", __LINE__, [&] { (void)full({1024, 1024}, 2.0f); });
    check("concat", __LINE__, [&] { (void)concat({x(slice(0, 512)), x(slice(0, 512))}, 0); });
  }
  // Operators that are made of others: of the calls inside none is named.
  const Tensor channels = ones({4});
  for (const auto& [name, text] :
       {std::pair("conv2d", said([&] { (void)conv2d(image, filters); })),
        std::pair("batch_norm", said([&] { (void)batch_norm(image, channels, channels); }))}) {
    INFO(text);
    CHECK(text.rfind(std::string(name) + ": out of memory: ", 0) == 0);
    CHECK(text.find("out of memory", text.find("out of memory") + 1) == std::string::npos);
    CHECK(text.find(", at dispatch_test.cpp:") != std::string::npos);
  }
}
