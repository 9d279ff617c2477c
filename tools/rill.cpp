// `rill`, the command line program.
//
// Invariant: every command writes its answer to standard output and its complaints to standard
// error, and exits with 0 for success, 1 for a failure and 2 for a command that it does not take.
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "arguments.h"
#include "commands.h"

#include <rill/cpu/code_folder.h>
#include <rill/cpu/information.h>
#include <rill/ops/families.h>
#include <rill/version.h>

namespace {

constexpr const char* usage =
    "usage: rill COMMAND\n"
    "\n"
    "  show GRAPH           its nodes, what runs them, variables and memory\n"
    "  run GRAPH            values of its nodes, printed or written\n"
    "    --input NAME=FILE.npy   what an input is, for each input that is needed\n"
    "    --output NAME=FILE.npy  a result or any node; without it the results are printed\n"
    "  draw GRAPH PICTURE   .html is a page to search and zoom, .svg, .png and .pdf are made by\n"
    "                       Graphviz, .dot is what Graphviz reads\n"
    "    --profile FILE          shows the times of a timeline\n"
    "    --planned               draws what passes left, not what was recorded\n"
    "  profile GRAPH        where its time goes; inputs that are not given are made up\n"
    "    --input NAME=FILE.npy   as above\n"
    "    --calls N               measures so many calls, instead of about a second\n"
    "    --output FILE           writes a timeline for Perfetto, chrome://tracing and draw\n"
    "\n"
    "  A GRAPH is a file that Graph::save wrote, or a model of ONNX. All four take\n"
    "    --signature N           its Nth signature, where it has several\n"
    "    --size NAME=N           a size that it leaves open\n"
    "\n"
    "  info        the machine, the libraries behind rill and how they are set up\n"
    "  operators   all operators, as docs/operators.md has them\n"
    "  cache       the folder of compiled kernels, and what it holds; --clear removes that\n"
    "  version     the version of the library\n"
    "  help        this text\n";

int info() {
  for (const auto& [heading, text] : rill::cpu::information()) {
    std::printf("%-14s %s\n", heading.c_str(), text.c_str());
  }
  return 0;
}

int cache(bool clear) {
  rill::cpu::CodeFolder folder(rill::cpu::CodeFolder::default_path());
  if (!folder.usable()) {
    std::fprintf(stderr, "rill: %s is not used: %s\n", folder.path().c_str(),
                 folder.trouble().c_str());
    return 1;
  }
  const auto [files, bytes] = clear ? folder.clear() : folder.contents();
  std::printf("%s: %s%llu kernels, %llu KiB\n", folder.path().c_str(), clear ? "removed " : "",
              static_cast<unsigned long long>(files),
              static_cast<unsigned long long>((bytes + 1023) / 1024));
  return 0;
}

std::string cell(std::string_view name) {
  return name.empty() ? "" : "`" + std::string(name) + "`";
}

/// By which name, or that in several operators.
std::string onnx_cell(const rill::Op& op) {
  return op.peers.onnx.empty() && (op.onnx || op.composition) ? "composed" : cell(op.peers.onnx);
}

int operators() {
  std::printf(
      "# Operators\n\nWritten by `rill operators` from the tables in `ops/`. Those that end in "
      "`gradient` and the like serve the gradients of others.\n");
  for (const auto& [name, ops] : rill::families::all) {
    std::printf(
        "\n## %s\n\n| operator | gradient | NumPy | TensorFlow | PyTorch | ONNX |\n"
        "|---|---|---|---|---|---|\n",
        std::string(name).c_str());
    for (const rill::Op& op : ops()) {
      std::printf("| %s | %s | %s | %s | %s | %s |\n", cell(op.name).c_str(), op.grad ? "yes" : "",
                  cell(op.peers.numpy).c_str(), cell(op.peers.tensorflow).c_str(),
                  cell(op.peers.torch).c_str(), onnx_cell(op).c_str());
    }
  }
  return 0;
}

int misused(const std::string& fault) {
  std::fprintf(stderr, "rill: %s\n\n%s", fault.c_str(), usage);
  return 2;
}

constexpr std::pair<std::string_view, void (*)(std::span<char*>)> graph_commands[] = {
    {"show", show_command},
    {"run", run_command},
    {"draw", draw_command},
    {"profile", profile_command}};

int run(std::span<char*> arguments) {
  const std::string_view command = arguments.size() > 1 ? arguments[1] : "help";
  if (command == "info") return info();
  if (command == "cache" && arguments.size() == 2) return cache(false);
  if (command == "cache" && arguments.size() == 3 && arguments[2] == std::string_view("--clear"))
    return cache(true);
  for (const auto& [name, begin] : graph_commands) {
    if (command == name) return begin(arguments.subspan(2)), 0;
  }
  if (command == "operators") return operators();
  if (command == "version" || command == "--version") {
    std::printf("%s\n", rill::library_version());
    return 0;
  }
  if (command == "help" || command == "--help") {
    std::fputs(usage, stdout);
    return 0;
  }
  if (command == "cache") return misused("cache takes --clear, and nothing else");
  return misused("there is no command \"" + std::string(command) + "\"");
}

}  // namespace

int main(int count, char** values) {
  try {
    return run({values, static_cast<std::size_t>(count)});
  } catch (const Misuse& fault) {
    return misused(fault.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rill: %s\n", error.what());
    return 1;
  }
}
