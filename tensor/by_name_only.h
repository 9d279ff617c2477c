/// `ByNameOnly`: the first member of a struct of options, which keeps braces with values from being
/// taken for one: `sum(x, {0, 1})` names axes. Invariant: no value converts to it, and it takes no
/// room.
#pragma once

namespace rill::detail {

///     struct ReduceOptions {
///       [[no_unique_address]] detail::ByNameOnly by_name{};
///       bool keepdims = false;
///     };
struct ByNameOnly {};

}  // namespace rill::detail
