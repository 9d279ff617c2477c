// `rill profile`: where the time of a saved graph goes, step by step.
#include "arguments.h"
#include "commands.h"
#include "graph_file.h"
#include "table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>

#include <rill/ops/creation.h>
#include <rill/ops/random.h>
#include <rill/tensor/atomic_file.h>
#include <rill/tensor/error.h>
#include <rill/tensor/npy.h>
#include <rill/tensor/threads.h>
#include <rill/tensor/timeline.h>
#include <rill/tensor/timeline_file.h>
#include <rill/trace/prepared.h>

using namespace rill;
using detail::Span;
using detail::Timeline;

namespace {

constexpr double measured_for = .5e9;  // nanoseconds, about, with a timeline and without
constexpr std::int64_t most_calls = 1000;
constexpr double smallest_share = .001;  // of a step that has a line of its own

const Node& input_of(const Function& function, std::size_t number) {
  return function.nodes[static_cast<std::size_t>(function.inputs[number])];
}

/// Numbers in [0, 1), and zeros where the dtype is no real one: they are good for indices too.
Tensor made_up(const Spec& spec) {
  return is_float(spec.dtype) ? rng::uniform(spec.shape).to(spec.dtype)
                              : zeros(spec.shape, spec.dtype);
}

/// What was given as a file, and made up for the rest. The sizes that `--size` gave made the
/// function ready, which then says what the rest is like.
std::vector<Tensor> arguments_for(Prepared& prepared, const Arguments& arguments) {
  std::map<std::string, Tensor> given;
  for (const auto& [name, path] : arguments.pairs("--input")) given[name] = load_npy(path, {});
  const auto ready = prepared.any();
  const Function& function = ready == nullptr ? *prepared.record() : *ready->record;
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < function.inputs.size(); ++i) {
    const Node& input = input_of(function, i);
    if (const auto found = given.find(input.name); found != given.end()) {
      tensors.push_back(std::move(found->second));
      given.erase(found);
    } else if (input.results[0].shape.known()) {
      tensors.push_back(made_up(input.results[0]));
      std::printf("%s is made up: %s\n", shown(input.name).c_str(),
                  input.results[0].text().c_str());
    } else {
      throw ValueError("profile: " + input.name + " is " + input.results[0].text() +
                       ", of unknown size: give --input " + input.name +
                       "=FILE.npy, or --size name=number");
    }
  }
  if (!given.empty()) throw ValueError("profile: there is no input '" + given.begin()->first + "'");
  return tensors;
}

std::int64_t number_of(const Span& span, std::string_view name) {
  for (const auto& [key, value] : span.arguments) {
    if (key == name) return std::get<std::int64_t>(value);
  }
  return 0;
}
std::string text_of(const Span& span, std::string_view name) {
  for (const auto& [key, value] : span.arguments) {
    if (key == name) return std::get<std::string>(value);
  }
  return {};
}

double median(std::vector<double>& times) {
  const auto middle = times.begin() + std::ssize(times) / 2;
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

struct Step {
  std::vector<double> times;  // nanoseconds, by call
  std::string node;           // its first
  std::string_view kind;
  std::string what;
  std::int64_t bytes = 0;
  double time = 0;  // of these the median
};

std::vector<Step> steps_in(std::span<const Span> spans) {
  std::map<std::string, Step> by_node;
  for (const Span& span : spans) {
    const std::string node = text_of(span, "node");
    if (node.empty()) continue;
    Step& step = by_node[node];
    step.times.push_back(static_cast<double>(span.end - span.begin));
    step.node = node;
    step.kind = span.category;
    step.what = span.name;
    step.bytes = number_of(span, "bytes");
  }
  std::vector<Step> steps;
  for (auto& [node, step] : by_node) {
    step.time = median(step.times);
    steps.push_back(std::move(step));
  }
  std::sort(steps.begin(), steps.end(),
            [](const Step& a, const Step& b) { return a.time > b.time; });
  return steps;
}

/// `call`: what a call takes that nobody looks into, in nanoseconds.
void report(std::span<const Step> steps, double call) {
  double within = 0;
  for (const Step& step : steps) within += step.time;
  const double all = std::max(call, within);
  const auto share = [&](double time) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%.1f%%", 100 * time / all);
    return std::string(text.data());
  };
  Table table({{"time", 10, true},
               {"share", 7, true},
               {"bytes", 10, true},
               {"bytes/s", 12, true},
               {"step", 8},
               {"first node", 26},
               {"what", 44}});
  double small = 0;
  int small_ones = 0;
  for (const Step& step : steps) {
    if (step.time < smallest_share * all) {
      small += step.time;
      ++small_ones;
      continue;
    }
    const auto bytes = static_cast<double>(step.bytes);
    table.add({time_in_short(step.time), share(step.time), bytes_in_short(bytes),
               bytes > 0 && step.time > 0 ? bytes_in_short(bytes / step.time * 1e9) + "/s" : "",
               std::string(step.kind), step.node, step.what});
  }
  if (small_ones > 0) {
    table.add({time_in_short(small), share(small), "", "", "others",
               std::to_string(small_ones) + " steps, each below .1%", ""});
  }
  table.add({time_in_short(all - within), share(all - within), "", "", "between", "", ""});
  std::fputs(table.text().c_str(), stdout);
}

}  // namespace

void profile_command(std::span<char*> given) {
  const Arguments arguments(
      "profile", given, {.valued = {"--input", "--size", "--signature", "--calls", "--output"}});
  const auto wanted = arguments.number("--calls");
  const Graph graph = load_graph(arguments.words({"GRAPH"})[0], arguments);
  if (graph.prepared().size() > 1) {
    throw ValueError("profile: the graph has " + std::to_string(graph.prepared().size()) +
                     " signatures: choose one by --signature");
  }
  Prepared& prepared = *graph.prepared().front();
  std::printf("%s\n", shown(prepared.record()->text()).c_str());
  const std::vector<Tensor> tensors = arguments_for(prepared, arguments);
  std::vector<const Tensor*> pointers;
  for (const Tensor& tensor : tensors) pointers.push_back(&tensor);
  const auto ready = prepared.prepare(pointers);
  if (ready == nullptr) throw TraceError("profile: the signature does not take these inputs");
  // The file must be writable before anything is measured.
  std::optional<AtomicFile> file;
  if (const auto path = arguments.one("--output")) file.emplace(*path, "profile");

  const auto timed = [&] {
    const std::int64_t before = Timeline::now();
    (void)run(*ready, pointers);
    return static_cast<double>(Timeline::now() - before);
  };
  (void)timed();  // the first call compiles
  const std::int64_t calls = wanted.value_or(
      std::clamp(static_cast<std::int64_t>(measured_for / timed()), std::int64_t{3}, most_calls));
  std::vector<double> whole;
  for (std::int64_t i = 0; i < calls; ++i) whole.push_back(timed());
  Timeline::start();
  for (std::int64_t i = 0; i < calls; ++i) (void)timed();
  const std::vector<Span> spans = Timeline::stop();

  const double call = median(whole);
  std::printf("%lld calls on %d threads, %s each\n\n", static_cast<long long>(calls), threads(),
              time_in_short(call).c_str());
  report(steps_in(spans), call);
  if (file) {
    file->write(detail::timeline_text(spans));
    file->commit();
  }
}
