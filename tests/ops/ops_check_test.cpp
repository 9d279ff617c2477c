#include <rill/rill.h>
#include <rill/tensor/listener.h>

#include <string>

#include "tests/catch.h"

using namespace rill;

TEST_CASE("a check passes where all elements are true, or there are none") {
  CHECK_NOTHROW(check(tensor({1.0, 2.0}) > 0, "positive"));
  CHECK_NOTHROW(check(zeros({0}, bool_), "nothing"));
  CHECK_NOTHROW(check(true, "a number"));
}

TEST_CASE("a check that fails names the message, how many elements fail, and the user's line") {
  const Tensor x = tensor({{1.0, -2.0}, {-3.0, 4.0}});
  CHECK_THROWS_WITH(check({x > 0, {"main.cpp", 3}}, "x is positive"),
                    "check: x is positive: 2 of 4 are false, at main.cpp:3");
  CHECK_THROWS_WITH(check({sum(x) > 9, {"main.cpp", 3}}, "the sum is large"),
                    "check: the sum is large: 1 of 1 is false, at main.cpp:3");
  CHECK_THROWS_WITH(check({x, {"main.cpp", 3}}, "x"),
                    "check: a condition is of bool, not float32[2,2]: compare with something, at "
                    "main.cpp:3");
  CHECK_THROWS_AS(check(Tensor(), "x"), ValueError);
}

TEST_CASE("listeners hear of a check before it fails, and of nothing else") {
  struct Ears : Listener {
    std::string heard;
    void check(const CheckEvent& event) override { heard += event.message; }
    void op(const OpEvent&) override { heard += "op"; }
    void host_read(const HostReadEvent&) override { heard += "read"; }
  } ears;
  const Tensor ok = tensor({true, false});
  const Listening listening(ears);
  CHECK_THROWS_AS(check(ok, "all good"), ValueError);
  CHECK(ears.heard == "all good");
}
