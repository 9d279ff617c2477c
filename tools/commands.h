// The commands on graphs, a file each.
// Invariant: a command writes its answer to standard output and throws what it complains of.
#pragma once

#include <span>

void draw_command(std::span<char*> arguments);
