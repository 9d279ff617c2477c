// `rill draw`: the picture of a saved graph.
#include "arguments.h"
#include "commands.h"
#include "graph_file.h"

void draw_command(std::span<char*> given) {
  const Arguments arguments(
      "draw", given, {.valued = {"--signature", "--size", "--profile"}, .plain = {"--planned"}});
  const auto words = arguments.words({"GRAPH", "PICTURE"});
  load_graph(words[0], arguments)
      .draw(words[1],
            {.profile = arguments.one("--profile").value_or(""),
             .planned = arguments.has("--planned")},
            {});
}
