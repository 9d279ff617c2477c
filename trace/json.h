/// Functions as JSON, version 1 of the format, and back.
/// Invariant: what is written and read again is written as the same text; a text that is not a
/// graph is a `FormatError` that names the place, and costs no more memory than a small multiple of
/// its size.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rill/trace/function.h>

namespace rill {

inline constexpr int graph_format_version = 1;

/// The text. Tensors of constants and variables are put into `weights` under the nodes' names,
/// variables by their own.
std::string to_json(std::span<const std::shared_ptr<const Function>> functions,
                    std::string_view weights_file, std::map<std::string, Tensor>& weights);

/// The name of the weights' file that a text asks for, empty for none; and the functions, once that
/// is read.
class JsonGraph {
 public:
  /// `origin` stands in errors.
  JsonGraph(std::string_view text, std::string origin);
  JsonGraph(const JsonGraph&) = delete;
  JsonGraph& operator=(const JsonGraph&) = delete;
  ~JsonGraph();

  [[nodiscard]] std::string weights_file() const;
  [[nodiscard]] std::vector<std::shared_ptr<const Function>> functions(
      const std::map<std::string, Tensor>& weights) const;

 private:
  struct Document;
  std::unique_ptr<Document> document_;
};

}  // namespace rill
