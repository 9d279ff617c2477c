// `rill`, the command line program.
//
// Invariant: every command writes its answer to standard output and its complaints to standard
// error, and exits with 0 for success, 1 for a failure and 2 for a command that it does not know.
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>

#include <rill/cpu/information.h>
#include <rill/version.h>

namespace {

constexpr const char* usage =
    "usage: rill <command>\n"
    "\n"
    "  info       the machine, the libraries behind rill and how they are set up\n"
    "  version    the version of the library\n"
    "  help       this text\n";

int info() {
  for (const auto& [heading, text] : rill::cpu::information()) {
    std::printf("%-14s %s\n", heading.c_str(), text.c_str());
  }
  return 0;
}

int run(std::span<char*> arguments) {
  const std::string_view command = arguments.size() > 1 ? arguments[1] : "help";
  if (command == "info") return info();
  if (command == "version" || command == "--version") {
    std::printf("%s\n", rill::library_version());
    return 0;
  }
  if (command == "help" || command == "--help") {
    std::fputs(usage, stdout);
    return 0;
  }
  std::fprintf(stderr, "rill: there is no command \"%s\"\n\n%s", arguments[1], usage);
  return 2;
}

}  // namespace

int main(int count, char** values) {
  try {
    return run({values, static_cast<std::size_t>(count)});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rill: %s\n", error.what());
    return 1;
  }
}
