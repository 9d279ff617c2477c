#include "process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
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

/// Where a program's output goes: to us; and what it says on its error stream: nowhere.
class Output {
 public:
  Output() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0)
      throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, ends_[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  ~Output() {
    posix_spawn_file_actions_destroy(&actions_);
    close(ends_[0]);
    if (ends_[1] >= 0) close(ends_[1]);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }

  /// All of it: to be called once the program has been started.
  std::string read_all() {
    close(ends_[1]);
    ends_[1] = -1;
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
      const ssize_t count = read(ends_[0], part.data(), part.size());
      if (count > 0) text.append(part.data(), static_cast<std::size_t>(count));
      if (count == 0 || (count < 0 && errno != EINTR)) return text;
    }
  }

 private:
  posix_spawn_file_actions_t actions_{};
  std::array<int, 2> ends_{};
};

}  // namespace

std::string run_program(const std::vector<std::string>& command,
                        const std::vector<std::string>& variables) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> environment = environment_with(variables);
  Output output;
  pid_t process = 0;
  const int fault = posix_spawnp(&process, command.front().c_str(), output.actions(), nullptr,
                                 pointers(arguments).data(), pointers(environment).data());
  if (fault != 0) throw Error("cannot run " + command.front() + ": " + std::strerror(fault));
  std::string printed = output.read_all();
  int status = 0;
  while (waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) throw Error("cannot wait for " + command.front());
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Error(command.front() + " has failed");
  return printed;
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
