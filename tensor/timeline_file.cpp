#include <rill/tensor/timeline_file.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace rill::detail {
namespace {

using Json = nlohmann::ordered_json;

/// The names of processes and threads are events of their own.
Json naming(const char* what, int thread, const std::string& name) {
  return {{"name", what}, {"ph", "M"}, {"pid", 1}, {"tid", thread}, {"args", {{"name", name}}}};
}

Json event(const Span& span, std::int64_t beginning) {
  constexpr double microsecond = 1000;
  Json arguments = Json::object();
  for (const auto& [name, value] : span.arguments)
    std::visit([&, key = std::string(name)](const auto& v) { arguments[key] = v; }, value);
  return {{"name", span.name},
          {"cat", span.category},
          {"ph", "X"},
          {"ts", static_cast<double>(span.begin - beginning) / microsecond},
          {"dur", static_cast<double>(span.end - span.begin) / microsecond},
          {"pid", 1},
          {"tid", span.thread},
          {"args", std::move(arguments)}};
}

}  // namespace

std::string timeline_text(std::span<const Span> spans) {
  std::string text = R"({"displayTimeUnit": "ns", "traceEvents": [)";
  const char* separator = "\n";
  const auto add = [&](const Json& json) {
    text += separator + json.dump(-1, ' ', false, Json::error_handler_t::replace);
    separator = ",\n";
  };
  std::set<int> threads;
  for (const Span& span : spans) threads.insert(span.thread);
  add(naming("process_name", 0, "rill"));
  for (const int thread : threads)
    add(naming("thread_name", thread, "thread " + std::to_string(thread)));
  for (const Span& span : spans) add(event(span, spans.front().begin));
  return text + "\n]}\n";
}

}  // namespace rill::detail
