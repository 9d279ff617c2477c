// Compiled code on disk: a folder with one file per key, shared by all processes of a user.
//
// Files are written under another name and renamed, so a reader sees a whole file or none; what is
// read is checked against its key and its checksum, and a file that fails is removed. The folder
// must belong to the user and be writable by nobody else, for its contents run as the user's.
// Invariant: nothing here throws for the state of the disk. A folder that cannot be made or opened,
// or that others may write to, holds nothing and takes nothing; one that is full or read-only holds
// what it holds and takes nothing more.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include <rill/cpu/compiled_object.h>

namespace rill::cpu {

class CodeFolder {
 public:
  /// Files beyond this many bytes of the disk in total go, those first that nobody has asked for
  /// the longest.
  static constexpr std::uint64_t default_limit = std::uint64_t{256} << 20U;

  /// Makes the folder, and those that it lies in, if they are missing.
  explicit CodeFolder(std::string path, std::uint64_t limit = default_limit);
  ~CodeFolder();
  CodeFolder(const CodeFolder&) = delete;
  CodeFolder& operator=(const CodeFolder&) = delete;

  /// RILL_CACHE_DIR, else `rill` in XDG_CACHE_HOME or in ~/.cache; empty if there is no home.
  static std::string default_path();

  [[nodiscard]] bool usable() const { return directory_ >= 0; }
  /// Why it is not usable.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  using Key = std::array<std::uint64_t, 2>;
  std::optional<CompiledObject> read(const Key& key);
  /// Returns whether it is on disk now.
  bool write(const Key& key, const CompiledObject& object);

  struct Contents {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;  ///< of the disk: a small file takes a whole block
  };
  [[nodiscard]] Contents contents() const;
  /// Removes what is in the folder, for all processes; code that they have loaded goes on. Returns
  /// what went.
  Contents clear();

  /// Files that were not what they should be.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  struct Entry {
    timespec used;
    std::uint64_t room;
    std::string name;
  };
  [[nodiscard]] std::vector<Entry> entries() const;
  void evict();

  std::string path_;
  std::string trouble_;
  std::uint64_t limit_;
  int directory_ = -1;
  /// Bytes since files were last counted. Starts anywhere below what it takes to count them, so
  /// that many processes that write little count as often, together, as one that writes much.
  std::atomic<std::uint64_t> written_;
  std::atomic<std::uint64_t> refused_ = 0;
};

}  // namespace rill::cpu
