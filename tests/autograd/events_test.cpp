// Everything observable reaches a listener: each kind of event that `Listener` has is brought about
// by a line of program, and heard.

#include <rill/rill.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/name_scope.h>

#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/tensor/temporary_folder.h"

using namespace rill;
using rill::test::content_of;
using rill::test::TemporaryFolder;

namespace {

using Heard = std::vector<std::string>;

/// Hears everything.
struct Ears : Listener {
  Heard heard;
  void op(const OpEvent& e) override { heard.push_back("op " + std::string(e.name)); }
  void creation(const CreationEvent&) override { heard.emplace_back("creation"); }
  void variable_creation(const VariableEvent&) override { heard.emplace_back("variable_creation"); }
  void variable_read(const VariableEvent&) override { heard.emplace_back("variable_read"); }
  void variable_assignment(const VariableEvent&) override {
    heard.emplace_back("variable_assignment");
  }
  void host_read(const HostReadEvent& e) override {
    static const char* const kinds[] = {"item", "boolean", "data", "print", "save"};
    heard.push_back(std::string("host_read ") + kinds[static_cast<int>(e.kind)]);
  }
  void draw(const DrawEvent&) override { heard.emplace_back("draw"); }
  void seed(const SeedEvent& e) override { heard.push_back("seed " + std::string(e.operation)); }
  void check(const CheckEvent& e) override { heard.push_back("check " + std::string(e.message)); }
  void print(const PrintEvent&) override { heard.emplace_back("print"); }
  void transfer(const TransferEvent&) override { heard.emplace_back("transfer"); }
  void enter(const ScopeEvent& e) override { heard.push_back("enter " + kind(e)); }
  void leave(const ScopeEvent& e) override { heard.push_back("leave " + kind(e)); }
  void alias(const AliasEvent&) override { heard.emplace_back("alias"); }

 private:
  static std::string kind(const ScopeEvent& e) {
    static const char* const kinds[] = {"name", "custom_gradient", "tape_gradient", "whole_call"};
    return kinds[static_cast<int>(e.kind)];
  }
};

struct Cause {
  Heard heard;
  std::function<void()> program;
};

std::vector<Cause> causes() {
  const Tensor x = tensor({1.0, 2.0});
  const Tensor yes = tensor(true);
  const Variable w(x, "w");
  return {
      {{"op add"}, [=] { (void)(x + x); }},
      {{"creation"}, [] { (void)tensor({1, 2}); }},
      {{"variable_creation"}, [=] { (void)Variable(x); }},
      {{"variable_read"}, [=] { (void)w.value(); }},
      {{"variable_assignment"}, [=] { w.assign(x); }},
      {{"host_read item"}, [=] { (void)yes.item<bool>(); }},
      {{"host_read boolean"}, [=] { (void)static_cast<bool>(yes); }},
      {{"host_read data"}, [=] { (void)x.to_vector<float>(); }},
      {{"host_read print"}, [=] { (void)text(x); }},
      {{"host_read save"}, [=] { save_npy(TemporaryFolder() / "x.npy", x); }},
      {{"draw"}, [] { (void)rng::default_generator().draw(); }},
      {{"seed seed"}, [] { rng::Generator(1).seed(2); }},
      {{"seed skip_to"}, [] { rng::Generator(1).skip_to(2); }},
      {{"check yes"}, [=] { check(yes, "yes"); }},
      {{"print"},
       [=] {
         const detail::Unprinted quiet;
         print(x);
       }},
      // There is no second device to move to: told as a backend would tell it.
      {{"transfer"}, [=] { Listeners::tell(&Listener::transfer, TransferEvent{x, x, {}}); }},
      {{"alias", "op negative"}, [=] { (void)trace([](const Tensor& t) { return -t; })(x); }},
      {{"enter name", "leave name"}, [] { const NameScope scope("block"); }},
      {{"enter custom_gradient", "op exp", "leave custom_gradient"},
       [=] {
         const auto f = custom_gradient([](const Tensor& t) {
           return std::pair(exp(t), [](const Tensor& dy) { return dy; });
         });
         (void)f(x);
       }},
      {{"op exp", "enter tape_gradient", "op full", "op multiply", "leave tape_gradient"},
       [=] {
         GradientTape tape;
         tape.watch(x);
         (void)tape.gradient(exp(x), x);
       }},
  };
}

}  // namespace

TEST_CASE("a listener of its own hears every kind of event") {
  for (const Cause& cause : causes()) {
    Ears ears;
    {
      const Listening listening(ears);
      cause.program();
    }
    CHECK(ears.heard == cause.heard);
  }
}

TEST_CASE("no kind of event that the interface has is left out above") {
  std::set<std::string> brought_about;
  for (const Cause& cause : causes()) {
    for (const std::string& heard : cause.heard)
      brought_about.insert(heard.substr(0, heard.find(' ')));
  }
  std::set<std::string> declared;
  std::istringstream header(content_of(RILL_SOURCE_DIR "/tensor/listener.h"));
  for (std::string line; std::getline(header, line);) {
    const std::string start = "  virtual void ";
    if (line.starts_with(start))
      declared.insert(line.substr(start.size(), line.find('(') - start.size()));
  }
  CHECK(declared.size() == 14);
  CHECK(brought_about == declared);
}
