/// `ByNameOnly`: the first member of a struct of options, which keeps braces with values from being
/// taken for one: `sum(x, {0, 1})` names axes. Invariant: no value converts to it, and it takes no
/// room.
#pragma once

namespace rill::detail {

struct ByNameOnly {};

}  // namespace rill::detail
