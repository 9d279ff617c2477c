// What texts of graphs cost while they are read: at most 64 times their size and 16 MB. All memory
// that is asked for by `new` is counted, hence a program of its own.
#include <rill/rill.h>
#include <rill/trace/json.h>

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>
#include <string>

namespace {

std::atomic<std::size_t> held{0};
std::atomic<std::size_t> peak{0};

void* counted(std::size_t bytes) {
  void* const block = std::malloc(bytes);
  if (block == nullptr) throw std::bad_alloc();
  const std::size_t now = held += malloc_usable_size(block);
  if (now > peak) peak = now;
  return block;
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void operator delete(void* block) noexcept {
  held -= malloc_usable_size(block);
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

namespace {

using namespace rill;

constexpr std::size_t size = std::size_t{1} << 20U;  // of each text, about

template <class F>
std::string repeated(const F& piece, std::size_t bytes = size) {
  std::string text;
  for (std::size_t i = 0; text.size() < bytes; ++i) text += (i > 0 ? "," : "") + piece(i);
  return text;
}
std::string graph(const std::string& nodes, const std::string& more = "") {
  return R"({"format":"rill graph","version":1,"signatures":[{"inputs":[],"outputs":[],"nodes":[)" +
         nodes + "]" + more + "}]}";
}

/// Texts that are graphs, and texts that look like some.
std::map<std::string, std::string> texts() {
  const auto number = [](std::size_t i) { return std::to_string(i); };
  const auto always = [](const std::string& piece) { return [=](std::size_t) { return piece; }; };
  const auto sum_of = [&](char sign) {
    return [=](std::size_t i) {
      std::string sum = "a" + number(i);
      for (int k = 0; k < 90; ++k)
        sum += sign + ("b" + number(i * 100 + static_cast<std::size_t>(k)));
      return R"({"name":"n)" + number(i) + R"(","input":{"dtype":"bool","shape":[")" + sum +
             "\"]}}";
    };
  };
  std::map<std::string, std::string> list;
  list["lists"] = graph(repeated(always("[]")));
  list["objects"] = graph(repeated(always("{}")));
  list["objects of one key"] = graph(repeated(always(R"({"":0})")));
  list["texts"] = graph(repeated(always("\"\"")));
  list["numbers"] = graph(repeated(always("0")));
  list["names"] = graph(repeated([&](std::size_t i) { return "\"" + number(i) + "\""; }));
  list["draws"] = graph(repeated(
      [&](std::size_t i) { return R"({"name":"n)" + number(i) + R"(","draw":"default"})"; }));
  list["weak numbers"] = graph(
      repeated([&](std::size_t i) { return R"({"name":"n)" + number(i) + R"(","number":1})"; }));
  list["constants"] = graph(repeated([&](std::size_t i) {
    return R"({"name":"n)" + number(i) + R"(","constant":[],"dtype":"bool","shape":[0]})";
  }));
  list["operators"] = graph(
      R"({"name":"d","draw":"default"},)" + repeated([&](std::size_t i) {
        return R"({"name":"n)" + number(i) +
               R"(","op":"negative","inputs":["d"],"results":[{"dtype":"uint64","shape":[2]}]})";
      }));
  list["unknown sizes"] = graph(repeated([&](std::size_t i) {
    std::string sizes;
    for (std::size_t k = 0; k < 8; ++k)
      sizes += (k > 0 ? ",\"?" : "\"?") + number(i * 8 + k) + "\"";
    return R"({"name":"n)" + number(i) + R"(","input":{"dtype":"bool","shape":[)" + sizes + "]}}";
  }));
  list["named sizes"] = graph(repeated([&](std::size_t i) {
    std::string sizes;
    for (std::size_t k = 0; k < 8; ++k)
      sizes += (k > 0 ? ",\"a" : "\"a") + number(i * 8 + k) + "\"";
    return R"({"name":"n)" + number(i) + R"(","input":{"dtype":"bool","shape":[)" + sizes + "]}}";
  }));
  list["pairs of sizes"] =
      graph("", R"(,"equal_sizes":[)" + repeated([&](std::size_t i) {
                  return R"(["c)" + number(i) + R"(","?)" + number(i) + R"("])";
                }) + "]");
  list["long sums"] = graph(repeated(sum_of('+')));
  list["long products"] = graph(repeated(sum_of('*')));
  list["long quotients"] = graph(repeated(sum_of('/')));
  list["products of sums"] = graph(repeated([&](std::size_t i) {
    std::string product = "1";
    for (std::size_t k = 0; k < 30; ++k)
      product += "*(d" + number(i * 30 + k) + "+" + number(k + 1) + ")";
    return R"({"name":"n)" + number(i) + R"(","input":{"dtype":"bool","shape":[")" + product +
           "\"]}}";
  }));
  list["outputs"] = R"({"format":"rill graph","version":1,"signatures":[{"inputs":[],"outputs":[)" +
                    repeated(always(R"({"name":"","value":"d"})")) +
                    R"(],"nodes":[{"name":"d","draw":"default"}]}]})";
  list["signatures"] = R"({"format":"rill graph","version":1,"signatures":[)" +
                       repeated(always(R"({"inputs":[],"outputs":[],"nodes":[]})")) + "]}";
  list["a deep list"] = std::string(size, '[');
  list["a wide object"] =
      "{" + repeated([&](std::size_t i) { return "\"" + number(i) + "\":0"; }) + "}";
  return list;
}

}  // namespace

int main() {
  int failures = 0;
  for (const auto& [what, text] : texts()) {
    const std::size_t before = held;
    peak = before;
    std::string ending = "read";
    const auto start = std::chrono::steady_clock::now();
    try {
      (void)JsonGraph(text, "text").functions({});
    } catch (const FormatError& error) {
      ending = error.what();
    } catch (const std::exception& error) {
      ending = std::string("another error: ") + error.what();
      ++failures;
    }
    const double times =
        (static_cast<double>(peak - before) - 16e6) / static_cast<double>(text.size());
    const bool good = times <= 64;
    failures += good ? 0 : 1;
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::printf("%s %s: %.1f times its size and 16 MB, %.2f s: %s\n", good ? "ok  " : "FAIL",
                what.c_str(), std::max(times, 0.0), time.count(), ending.substr(0, 120).c_str());
  }
  return failures;
}
