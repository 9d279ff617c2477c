#include "process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>

#include <rill/tensor/error.h>

namespace rill::bench {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> environment_with(const std::vector<std::string>& variables) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool replaced = false;
    for (const std::string& variable : variables) {
      replaced |= text.starts_with(variable.substr(0, variable.find('=') + 1));
    }
    if (!replaced) all.emplace_back(text);
  }
  all.insert(all.end(), variables.begin(), variables.end());
  return all;
}

/// Where a program's output goes.
class Nowhere {
 public:
  Nowhere() {
    posix_spawn_file_actions_init(&actions_);
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
      posix_spawn_file_actions_addopen(&actions_, stream, "/dev/null", O_WRONLY, 0);
    }
  }
  ~Nowhere() { posix_spawn_file_actions_destroy(&actions_); }
  Nowhere(const Nowhere&) = delete;
  Nowhere& operator=(const Nowhere&) = delete;

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

void run_program(const std::vector<std::string>& command,
                 const std::vector<std::string>& variables) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> environment = environment_with(variables);
  const Nowhere nowhere;
  pid_t process = 0;
  const int fault = posix_spawnp(&process, command.front().c_str(), nowhere.actions(), nullptr,
                                 pointers(arguments).data(), pointers(environment).data());
  if (fault != 0) throw Error("cannot run " + command.front() + ": " + std::strerror(fault));
  int status = 0;
  while (waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) throw Error("cannot wait for " + command.front());
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Error(command.front() + " has failed");
}

TemporaryFolder::TemporaryFolder() {
  std::string name = std::filesystem::temp_directory_path() / "rill-bench-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw FileError("cannot make the folder " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace rill::bench
