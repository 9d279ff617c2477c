#include <rill/trace/picture/timings.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include <rill/tensor/error.h>
#include <rill/tensor/input_file.h>

namespace rill::picture {

Timings::Timings(const std::string& path, Where where) {
  const InputFile file(path, "draw", where);
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("traceEvents") || !json["traceEvents"].is_array()) {
    throw FormatError("draw: " + path +
                      ": is no timeline, which is an object with \"traceEvents\"" + where.suffix());
  }
  std::unordered_map<std::string, std::vector<double>> runs;
  for (const auto& event : json["traceEvents"]) {
    if (!event.is_object() || !event.contains("args") || !event["args"].is_object()) continue;
    const auto node = event["args"].find("node");
    const auto duration = event.find("dur");
    if (node == event["args"].end() || !node->is_string()) continue;
    if (duration == event.end() || !duration->is_number()) continue;
    runs[node->get<std::string>()].push_back(duration->get<double>());
  }
  for (auto& [node, times] : runs) {
    const auto middle = times.begin() + std::ssize(times) / 2;
    std::nth_element(times.begin(), middle, times.end());
    steps_[node] = *middle;
  }
}

}  // namespace rill::picture
