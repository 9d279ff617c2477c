// Timelines: what is measured, and that what is written is Chrome's trace event format.
#include <rill/rill.h>
#include <rill/tensor/timeline_file.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "tests/catch.h"
#include "tests/tensor/temporary_folder.h"
#include "tests/thrown.h"

namespace rill {
namespace {

using Json = nlohmann::json;
using test::content_of;
using test::TemporaryFolder;
using test::thrown;

/// The events of what `body` does, without the names of threads and without what is compiled: that
/// depends on what ran before.
template <class Body>
std::vector<Json> measured(const Body& body) {
  const TemporaryFolder folder;
  {
    const Profiler profiler(folder / "run.json");
    body();
  }
  std::vector<Json> events;
  const Json timeline = Json::parse(content_of(folder / "run.json"));
  for (const Json& event : timeline.at("traceEvents")) {
    if (event.at("ph") != "M" && event.at("cat") != "compile") events.push_back(event);
  }
  return events;
}

std::vector<Json> of_category(const std::vector<Json>& events, const std::string& category) {
  std::vector<Json> found;
  for (const Json& event : events) {
    if (event.at("cat") == category) found.push_back(event);
  }
  return found;
}

TEST_CASE("spans are written as complete events in microseconds since the first one") {
  const std::vector<detail::Span> spans = {
      {"op", "add", {{"inputs", "float32[2]"}, {"bytes", std::int64_t{24}}}, 5000, 6500, 1},
      {"scope", "a\"b", {}, 5250, 5251, 3}};
  CHECK(detail::timeline_text(spans) == R"({"displayTimeUnit": "ns", "traceEvents": [
{"name":"process_name","ph":"M","pid":1,"tid":0,"args":{"name":"rill"}},
{"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"name":"thread 1"}},
{"name":"thread_name","ph":"M","pid":1,"tid":3,"args":{"name":"thread 3"}},
{"name":"add","cat":"op","ph":"X","ts":0.0,"dur":1.5,"pid":1,"tid":1,"args":{"inputs":"float32[2]","bytes":24}},
{"name":"a\"b","cat":"scope","ph":"X","ts":0.25,"dur":0.001,"pid":1,"tid":3,"args":{}}
]}
)");
  CHECK(Json::parse(detail::timeline_text({})).at("traceEvents").size() == 1);
}

TEST_CASE("an eager operation is an event with dtypes, shapes, bytes and the user's line") {
  const Tensor x = ones({2, 3});
  const Tensor y = ones({3, 2});
  int line = 0;
  const auto events = of_category(measured([&] {
                                    line = __LINE__ + 1;
                                    (void)matmul(x, y);
                                  }),
                                  "op");
  REQUIRE(events.size() == 1);
  CHECK(events[0].at("name") == "matmul");
  CHECK(events[0].at("ph") == "X");
  CHECK(events[0].at("ts") == 0.0);
  CHECK(events[0].at("dur") >= 0.0);
  CHECK(events[0].at("args").at("inputs") == "float32[2,3], float32[3,2]");
  CHECK(events[0].at("args").at("outputs") == "float32[2,2]");
  CHECK(events[0].at("args").at("bytes") == 64);
  CHECK(events[0].at("args").at("line") == "profiler_test.cpp:" + std::to_string(line));
}

TEST_CASE("every way of calling an operator is measured once") {
  Tensor x = ones({8});
  const Tensor y = x + 1;
  const auto names = [&](const auto& body) {
    std::string text;
    for (const Json& event : of_category(measured(body), "op"))
      text += event.at("name").get<std::string>() + " ";
    return text;
  };
  CHECK(names([&] { (void)exp(x); }) == "exp ");
  CHECK(names([&] { (void)(x + y); }) == "add ");
  CHECK(names([&] { (void)(x + 2); }) == "add ");
  CHECK(names([&] { (void)where(x > 0, x, y); }) == "greater where ");
  CHECK(names([&] { (void)sum(x); }) == "sum ");
  CHECK(names([&] { x += y; }) == "add ");
  CHECK(names([&] { x *= 2; }) == "multiply ");
}

TEST_CASE("a traced call is an event, and each step of its plan one inside") {
  Variable w(ones({3, 2}), "w");
  const auto f = trace([&](const Tensor& x) { return relu(matmul(tanh(x), w) + 1); });
  const Tensor x = ones({4, 3});
  f(x);
  f(x);
  const auto events = measured([&] { f(x); });
  REQUIRE(events.size() == 3);
  CHECK(events[0].at("name") == "traced call");
  CHECK(events[0].at("args").at("signature") == "(float32[4,3] x) -> (float32[4,2] result)");
  CHECK(events[1].at("cat") == "kernel");
  CHECK(events[1].at("name") == "tanh");
  CHECK(events[2].at("cat") == "library");
  CHECK(events[2].at("name") == "matmul add relu");
  CHECK(events[2].at("args").at("nodes") == "matmul add relu");
  CHECK(events[2].at("args").at("node") == "matmul");
  CHECK(events[2].at("args").at("outputs") == "float32[4,2]");
  CHECK(events[2].at("args").at("bytes") == 104);
  CHECK(events[2].at("args").at("line").get<std::string>().starts_with("profiler_test.cpp:"));
  for (const Json& event : {events[1], events[2]}) {
    CHECK(event.at("ts") >= events[0].at("ts"));
    CHECK(event.at("ts").get<double>() + event.at("dur").get<double>() <=
          events[0].at("ts").get<double>() + events[0].at("dur").get<double>());
  }
}

TEST_CASE("name scopes surround what is in them, and gradients are spans") {
  const auto events = measured([] {
    const NameScope outer("outer");
    Variable x(ones({2}), "x");
    GradientTape tape;
    const NameScope inner("inner");
    (void)tape.gradient(sum(x * x), x);
  });
  std::string order;
  for (const Json& event : events) order += event.at("name").get<std::string>() + " ";
  CHECK(order.starts_with("outer full inner multiply sum "));
  CHECK(order.find(" gradient ") != std::string::npos);
}

TEST_CASE("events of one thread never cross") {
  const auto events = measured([] {
    auto f = trace([](const Tensor& x) { return softmax(x * 2) + sum(x); });
    for (int i = 0; i < 3; ++i) {
      const NameScope scope("step");
      f(ones({16, 16}));
    }
  });
  for (const Json& a : events) {
    for (const Json& b : events) {
      if (a.at("tid") != b.at("tid")) continue;
      const double a_begin = a.at("ts");
      const double a_end = a_begin + a.at("dur").get<double>();
      const double b_begin = b.at("ts");
      const double b_end = b_begin + b.at("dur").get<double>();
      const double same = 1e-6;  // sums of decimals
      CHECK((a_end <= b_begin + same || b_end <= a_begin + same ||
             (a_begin <= b_begin + same && b_end <= a_end + same) ||
             (b_begin <= a_begin + same && a_end <= b_end + same)));
    }
  }
}

TEST_CASE("every thread has a lane of its own") {
  const auto events = of_category(measured([] {
                                    std::vector<std::thread> threads;
                                    for (int t = 0; t < 4; ++t) {
                                      threads.emplace_back([] {
                                        for (int i = 0; i < 100; ++i) (void)exp(ones({4}));
                                      });
                                    }
                                    for (std::thread& thread : threads) thread.join();
                                  }),
                                  "op");
  std::map<int, int> by_thread;
  for (const Json& event : events) ++by_thread[event.at("tid").get<int>()];
  CHECK(by_thread.size() == 4);
  for (const auto& [thread, count] : by_thread) CHECK(count == 200);
}

TEST_CASE("what is done before and after is not measured") {
  (void)exp(ones({2}));
  CHECK(measured([] {}).empty());
  (void)exp(ones({2}));
  CHECK(measured([] { (void)abs(zeros({2})); }).size() == 2);
}

TEST_CASE("a profiler that cannot write says so at once") {
  CHECK(thrown<FileError>([] {
          const Profiler profiler("/none/such/run.json");
        }).starts_with("Profiler: "));
  CHECK(measured([] { (void)exp(zeros({2})); }).size() == 2);  // and measuring is free again
}

TEST_CASE("one profiler is at work at a time") {
  const TemporaryFolder folder;
  const Profiler first(folder / "first.json");
  CHECK(thrown<ValueError>([&] {
          const Profiler second(folder / "second.json");
        }).starts_with("Profiler: another one is at work: "));
  CHECK(folder.files() == 1);  // the first one's, in the making
}

TEST_CASE(
    "a timeline is there when an exception ends the profiler, and not before it is finished") {
  const TemporaryFolder folder;
  try {
    const Profiler profiler(folder / "run.json");
    (void)exp(ones({2}));
    CHECK(content_of(folder / "run.json").empty());
    throw std::runtime_error("");
  } catch (const std::runtime_error&) {
    CHECK(content_of(folder / "run.json").find("\"exp\"") != std::string::npos);
  }
  Profiler profiler(folder / "again.json");
  profiler.finish();
  CHECK_FALSE(content_of(folder / "again.json").empty());
  profiler.finish();
  CHECK(folder.files() == 2);
}

TEST_CASE("a page shows the times of a timeline") {
  const TemporaryFolder folder;
  auto f = trace([](const Tensor& x) { return exp(x) + 1; });
  f(ones({2}));
  f(ones({2}));
  {
    const Profiler profiler(folder / "run.json");
    f(ones({2}));
  }
  f.graph().draw(folder / "f.html", {.profile = folder / "run.json"});
  CHECK(content_of(folder / "f.html").find("\"microseconds\":") != std::string::npos);
}

}  // namespace
}  // namespace rill
