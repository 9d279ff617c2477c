// A graph as the command line asks for it: one or all of its signatures, for given sizes.
#pragma once

#include <string>

#include "arguments.h"

#include <rill/trace/graph.h>

/// The graph in a file; of several signatures the one that `--signature` names by its number, made
/// ready for the unknown sizes that each `--size name=number` gives.
rill::Graph load_graph(const std::string& path, const Arguments& arguments);
