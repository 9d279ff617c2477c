#include <rill/tensor/listener.h>
#include <rill/tensor/name_scope.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/catch.h"

using namespace rill;

namespace {

/// Notes the scopes that it hears of in a list that several share.
struct Ears : Listener {
  Ears(std::string name, std::vector<std::string>& heard) : name_(std::move(name)), heard_(heard) {}
  void enter(const ScopeEvent& event) override {
    heard_.push_back(name_ + " enters " + std::string(event.name));
  }
  void leave(const ScopeEvent& event) override {
    heard_.push_back(name_ + " leaves " + std::string(event.name));
  }

 private:
  std::string name_;
  std::vector<std::string>& heard_;
};

}  // namespace

TEST_CASE("the innermost listener hears first, and nobody after it is gone") {
  std::vector<std::string> heard;
  Ears outer("outer", heard);
  Ears inner("inner", heard);
  CHECK(Listeners::none());
  {
    const Listening first(outer);
    const Listening second(inner);
    CHECK_FALSE(Listeners::none());
    const NameScope scope("block");
  }
  CHECK(Listeners::none());
  {
    const NameScope scope("silent");
  }
  CHECK(heard == std::vector<std::string>{"inner enters block", "outer enters block",
                                          "inner leaves block", "outer leaves block"});
}

TEST_CASE("a scope keeps its name for itself") {
  std::vector<std::string> heard;
  Ears ears("ears", heard);
  const Listening on(ears);
  {
    std::string name = "a name that is too long to lie in the string itself";
    const NameScope scope(name);
    name.assign(name.size(), '?');
  }
  CHECK(heard.back() == "ears leaves a name that is too long to lie in the string itself");
}

TEST_CASE("listeners may leave in any order") {
  std::vector<std::string> heard;
  Ears a("a", heard);
  Ears b("b", heard);
  auto first = std::make_unique<Listening>(a);
  auto second = std::make_unique<Listening>(b);
  first.reset();
  {
    const NameScope scope("x");
  }
  second.reset();
  CHECK(heard == std::vector<std::string>{"b enters x", "b leaves x"});
  CHECK(Listeners::none());
}

TEST_CASE("a listener may leave while it is told") {
  struct Leaver : Listener {
    std::unique_ptr<Listening> on;
    void enter(const ScopeEvent&) override { on.reset(); }
  } leaver;
  std::vector<std::string> heard;
  Ears outer("outer", heard);
  const Listening first(outer);
  leaver.on = std::make_unique<Listening>(leaver);
  {
    const NameScope scope("x");
  }
  CHECK(heard.size() == 2);
}

TEST_CASE("a listener hears its own thread only, and nothing in silence") {
  std::vector<std::string> heard;
  Ears ears("ears", heard);
  const Listening listening(ears);
  std::thread([] {
    CHECK(Listeners::none());
    const NameScope scope("elsewhere");
  }).join();
  {
    const Silence silence;
    CHECK(Listeners::none());
    const NameScope scope("hidden");
  }
  CHECK_FALSE(Listeners::none());
  CHECK(heard.empty());
}
