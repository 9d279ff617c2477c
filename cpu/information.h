// What `rill info` prints: the machine, the libraries behind rill and how they are set up.
//
// Invariant: asking never fails; what cannot be found out is said in its place.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <rill/tensor/export.h>

namespace rill::cpu {

/// Pairs of a heading and a text, for example {"threads", "2 (of 2 processors)"}, in the order to
/// print them. Loads OpenBLAS and the compiler module, so it takes some milliseconds.
RILL_API std::vector<std::pair<std::string, std::string>> information();

}  // namespace rill::cpu
