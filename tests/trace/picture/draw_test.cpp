// Pictures as text: what stands in them, and what names may not do there. How the page looks and
// works in a browser is tests/tools/page's.
#include <rill/rill.h>
#include <rill/tensor/name_scope.h>
#include <rill/trace/picture/graphviz.h>

#include <cstdlib>
#include <memory>

#include "tests/catch.h"
#include "tests/tensor/temporary_folder.h"
#include "tests/thrown.h"

namespace rill {
namespace {

using test::content_of;
using test::TemporaryFolder;
using test::thrown;

Graph small_graph() {
  auto f = trace([](const Tensor& x, const Tensor& y) {
    const NameScope scope("inner");
    return relu(matmul(x, y) + 1);
  });
  f(ones({2, 3}), ones({3, 2}));
  return f.graph();
}

/// A graph whose only operator has this name.
Graph named_graph(const TemporaryFolder& folder, const std::string& json_name) {
  test::write_file(folder / "named.json", R"({"format": "rill graph", "version": 1, "signatures": [
      {"inputs": ["x"], "outputs": [{"name": "result", "value": ")" +
                                              json_name +
                                              R"("}], "nodes": [
        {"name": "x", "input": {"dtype": "float32", "shape": [2]}},
        {"name": ")" + json_name + R"(", "op": "exp", "inputs": ["x"],
         "results": [{"dtype": "float32", "shape": [2]}]}]}]})");
  return Graph::load(folder / "named.json");
}

std::string drawn(const TemporaryFolder& folder, const Graph& graph, const std::string& name) {
  graph.draw(folder / name);
  return content_of(folder / name);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a graph is drawn in Graphviz's language") {
  const TemporaryFolder folder;
  CHECK(drawn(folder, small_graph(), "f.dot") == R"(digraph {
  graph [fontname="Helvetica", fontsize=11, ranksep=0.35, nodesep=0.25];
  node [fontname="Helvetica", fontsize=11, shape=box, style="rounded,filled", color="#8a94a3", margin="0.12,0.05"];
  edge [fontname="Helvetica", fontsize=9, color="#6b7480", arrowsize=0.6];
  s0n0 [label="x0\nfloat32[2,3]", shape=ellipse, fillcolor="#ffffff"];
  s0n1 [label="x1\nfloat32[3,2]", shape=ellipse, fillcolor="#ffffff"];
  subgraph cluster_s00 {
    label="inner"; style=rounded; color="#b8c0cc"; fontcolor="#56606e";
    s0n2 [label="matmul\nfloat32[2,2]", fillcolor="0.580 0.22 0.97", tooltip="library 1"];
    s0n4 [label="add (_, 1)\nfloat32[2,2]", fillcolor="0.580 0.22 0.97", tooltip="library 1"];
    s0n5 [label="relu\nfloat32[2,2]", fillcolor="0.580 0.22 0.97", tooltip="library 1"];
  }
  s0n0 -> s0n2;
  s0n1 -> s0n2;
  s0n2 -> s0n4;
  s0n4 -> s0n5;
  s0o0 [label="result", shape=ellipse, fillcolor="#ffffff"];
  s0n5 -> s0o0;
}
)");
}

TEST_CASE("a page holds the graph as data, and loads nothing") {
  const TemporaryFolder folder;
  const std::string page = drawn(folder, small_graph(), "f.html");
  CHECK(contains(page, "<title>f</title>"));
  CHECK(contains(page, R"({"name":"inner/relu","kind":"op","label":"relu")"));
  CHECK(contains(page, R"("results":["float32[2,2]"],"inputs":[[4,0]],"step":0})"));
  CHECK(contains(page, "default-src 'none'"));
  CHECK_FALSE(contains(page, "http://"));
  CHECK_FALSE(contains(page, "https://"));
  CHECK_FALSE(contains(page, "<script src"));
}

TEST_CASE("names are text in every picture") {
  const TemporaryFolder folder;
  const Graph graph = named_graph(folder, R"(</script><b>\"\\<!--\n&)");
  const std::string page = drawn(folder, graph, "f.html");
  CHECK(contains(page, R"("name":"\u003c/script>\u003cb>\"\\\u003c!--\n&")"));
  CHECK_FALSE(contains(page, "</script><b>"));
  const std::string dot = drawn(folder, graph, "f.dot");
  CHECK(contains(dot, R"(script><b>\"\\<!--?&\nfloat32[2]")"));
}

TEST_CASE("a page's title is the file's name, as text") {
  const TemporaryFolder folder;
  CHECK(contains(drawn(folder, small_graph(), "a<b>&.html"), "<title>a&lt;b&gt;&amp;</title>"));
}

TEST_CASE("a graph of unknown sizes is drawn without kernels until some have come") {
  const TemporaryFolder folder;
  auto f = trace([](const Tensor& x) { return exp(x) + 1; },
                 {.inputs = {spec({Dim("batch"), 2}, float32, "x")}});
  f.warm_up({spec({3, 2})});
  const Graph graph = f.graph();
  CHECK(contains(drawn(folder, graph, "f.html"), R"("results":["float32[batch,2]"])"));
}

TEST_CASE("what passes leave out is not drawn where the plan is asked for") {
  const TemporaryFolder folder;
  auto f = trace([](const Tensor& x) { return exp(x) * exp(x); });
  f(ones({2}));
  f.graph().draw(folder / "recorded.dot");
  f.graph().draw(folder / "planned.dot", {.planned = true});
  CHECK(contains(content_of(folder / "recorded.dot"), R"(label="exp\nexp_1)"));
  CHECK_FALSE(contains(content_of(folder / "planned.dot"), "exp_1"));
}

TEST_CASE("a picture that cannot be made says why") {
  const TemporaryFolder folder;
  const Graph graph = small_graph();
  CHECK(contains(thrown<ValueError>([&] { graph.draw("f.gif"); }),
                 "draw: 'f.gif' must end in .html, .svg, .png, .pdf or .dot, at draw_test.cpp:"));
  CHECK(contains(thrown<FileError>([&] { graph.draw("/none/such/f.html"); }), "draw: "));
  CHECK(contains(thrown<TraceError>([] { Graph().draw("f.html"); }), "nothing has been recorded"));
  CHECK(contains(
      thrown<FileError>([&] { graph.draw(folder / "f.html", {.profile = folder / "none"}); }),
      "none"));
  test::write_file(folder / "other.json", "[1]");
  CHECK(contains(thrown<FormatError>(
                     [&] { graph.draw(folder / "f.html", {.profile = folder / "other.json"}); }),
                 "is no timeline"));
  CHECK(folder.files() == 1);
}

/// PATH is another one for as long as it lives.
class Path {
 public:
  explicit Path(const char* path) : before_(std::getenv("PATH")) { ::setenv("PATH", path, 1); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  ~Path() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

TEST_CASE("without Graphviz the error says how to get it") {
  const TemporaryFolder folder;
  const Path nowhere("/none/such");
  CHECK(contains(thrown<FileError>([&] { small_graph().draw(folder / "f.svg"); }),
                 "draw: Graphviz's program 'dot', which makes .svg files, is not installed"));
  CHECK(folder.files() == 0);
}

TEST_CASE("Graphviz draws, and what it complains of is said") {
  const TemporaryFolder folder;
  try {
    CHECK(contains(drawn(folder, small_graph(), "f.svg"), "<svg"));
  } catch (const FileError& error) {
    WARN(error.what());  // it is not installed here
    return;
  }
  CHECK(contains(drawn(folder, named_graph(folder, "<script>"), "g.svg"), "&lt;script&gt;"));
  CHECK(contains(thrown<FileError>([] { (void)picture::rendered("digraph {", "svg", {}); }),
                 "draw: Graphviz's program 'dot' failed: "));
}

TEST_CASE("five thousand nodes are drawn") {
  const TemporaryFolder folder;
  auto f = trace([](Tensor x) {
    for (int i = 0; i < 2500; ++i) x = tanh(x + i);
    return x;
  });
  f(ones({2}));
  const std::string page = drawn(folder, f.graph(), "f.html");
  CHECK(contains(page, R"("name":"tanh_2499")"));
}

}  // namespace
}  // namespace rill
