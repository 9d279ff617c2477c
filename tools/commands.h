// The commands on graphs, a file each.
// Invariant: a command writes its answer to standard output and throws what it complains of.
#pragma once

#include <span>

void show_command(std::span<char*> arguments);
void run_command(std::span<char*> arguments);
void draw_command(std::span<char*> arguments);
void profile_command(std::span<char*> arguments);
