#include <rill/trace/passes/pipeline.h>

#include <string_view>

#include <rill/trace/passes/algebra.h>
#include <rill/trace/passes/changes.h>
#include <rill/trace/passes/common_subexpressions.h>
#include <rill/trace/passes/constant_folding.h>
#include <rill/trace/passes/custom_gradients.h>
#include <rill/trace/passes/dead_code.h>
#include <rill/trace/passes/expansion.h>
#include <rill/trace/passes/layout.h>
#include <rill/trace/passes/recomputation.h>
#include <rill/trace/passes/slice_sums.h>
#include <rill/trace/passes/transposed_operands.h>
#include <rill/trace/passes/views.h>

namespace rill {
namespace {

struct Pass {
  std::string_view name;
  Function (*run)(Function function, Changes& changes);
};

/// What is not needed is not looked at. Equal values are one before rules ask whether they are
/// equal, and again where rules have made them so. Layouts are chosen once it is known what is
/// transposed at all; what that turns is made simple again. What all that leaves over goes.
constexpr Pass passes[] = {
    {"custom gradients", &remove_custom_gradients},
    {"dead code", &remove_dead_code},
    {"compositions", &expand_compositions},
    {"constant folding", &fold_constants},
    {"slice sums", &concatenate_slice_sums},
    {"common subexpressions", &merge_common_subexpressions},
    {"casts and views", &shorten_views},
    {"algebra", &simplify},
    {"transposed operands", &take_transposed_operands},
    {"layout", &choose_layouts},
    {"constant folding", &fold_constants},
    {"casts and views", &shorten_views},
    {"common subexpressions", &merge_common_subexpressions},
    {"dead code", &remove_dead_code},
    {"recomputation", &recompute_light_values},
};

std::string block(std::string_view name, std::size_t before, std::size_t after,
                  const Changes& changes) {
  std::string text = std::string(name) + ": " + std::to_string(before) + " nodes become " +
                     std::to_string(after) + "\n";
  for (const std::string& line : changes.lines()) text += "  " + line + "\n";
  return text;
}

}  // namespace

Function optimized(Function function, std::string* told) {
  for (const Pass& pass : passes) {
    Changes changes(told != nullptr);
    const std::size_t before = function.nodes.size();
    function = pass.run(std::move(function), changes);
    if (told != nullptr && (changes.count() > 0 || function.nodes.size() != before))
      *told += block(pass.name, before, function.nodes.size(), changes);
  }
  return function;
}

}  // namespace rill
