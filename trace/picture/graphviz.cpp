#include <rill/trace/picture/graphviz.h>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include <rill/tensor/error.h>

namespace rill::picture {
namespace {

/// A file without a name, which is gone when it is closed: unlike a pipe it never fills up.
class Scratch {
 public:
  explicit Scratch(Where where) : file_(std::tmpfile(), &std::fclose) {
    if (file_ == nullptr) {
      throw FileError("draw: there is no room for temporary files" + where.suffix());
    }
  }
  void write(std::string_view text) {
    (void)std::fwrite(text.data(), 1, text.size(), file_.get());
    (void)std::fflush(file_.get());
    begin();
  }
  std::string read() {
    begin();
    std::string text;
    char part[4096];
    for (std::size_t n = 0; (n = std::fread(part, 1, sizeof part, file_.get())) > 0;)
      text.append(part, n);
    return text;
  }
  [[nodiscard]] int descriptor() const { return fileno(file_.get()); }

 private:
  void begin() { (void)std::fseek(file_.get(), 0, SEEK_SET); }

  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

class Redirections {
 public:
  Redirections() { posix_spawn_file_actions_init(&actions_); }
  Redirections(const Redirections&) = delete;
  Redirections& operator=(const Redirections&) = delete;
  ~Redirections() { posix_spawn_file_actions_destroy(&actions_); }
  void add(const Scratch& from, int to) {
    posix_spawn_file_actions_adddup2(&actions_, from.descriptor(), to);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// Whether the process ended well; one whose end somebody else has taken note of may have.
bool ended_well(pid_t process) {
  int status = 0;
  pid_t ended = 0;
  do {
    ended = waitpid(process, &status, 0);
  } while (ended < 0 && errno == EINTR);
  return ended < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace

std::string rendered(std::string_view dot, const std::string& format, Where where) {
  Scratch in(where);
  Scratch out(where);
  Scratch errors(where);
  in.write(dot);
  Redirections redirections;
  redirections.add(in, STDIN_FILENO);
  redirections.add(out, STDOUT_FILENO);
  redirections.add(errors, STDERR_FILENO);
  std::string program = "dot";
  std::string option = "-T" + format;
  char* arguments[] = {program.data(), option.data(), nullptr};
  pid_t process = 0;
  const int failed = posix_spawnp(&process, "dot", redirections.get(), nullptr, arguments, environ);
  if (failed == ENOENT) {
    throw FileError("draw: Graphviz's program 'dot', which makes ." + format +
                    " files, is not installed (Debian: apt install graphviz); .html and .dot need "
                    "it not" +
                    where.suffix());
  }
  const bool well = failed == 0 && ended_well(process);
  std::string picture = well ? out.read() : "";
  if (picture.empty()) {
    std::string said = errors.read();
    while (!said.empty() && said.back() == '\n') said.pop_back();
    throw FileError("draw: Graphviz's program 'dot' failed" + (said.empty() ? "" : ": " + said) +
                    where.suffix());
  }
  return picture;
}

}  // namespace rill::picture
