// Files of ONNX: what is written is read back and gives the same results; what cannot be written is
// named; what is read is not believed.
#include <rill/rill.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/trace/onnx/module.h>

#include "tests/catch.h"
#include "tests/tensor/damaged_files.h"
#include "tests/tensor/temporary_folder.h"
#include "tests/thrown.h"
#include "tests/trace/onnx_rows.h"

namespace rill {
namespace {

using test::TemporaryFolder;
using test::thrown;

using TensorFunction = Tensor(const std::vector<Tensor>&);

auto traced(const OnnxCase& c) {
  return trace<TensorFunction>([&c](const std::vector<Tensor>& x) { return c.apply(x); });
}

bool close(const Tensor& got, const Tensor& want) {
  if (got.type_text() != want.type_text()) return false;
  if (!is_float(want.dtype())) return equal(got, want);
  return allclose(got, want, {.rtol = 1e-5, .atol = 1e-6, .equal_nan = true});
}

TEST_CASE("every operator goes to ONNX and comes back, or is refused by its name") {
  const TemporaryFolder folder;
  const std::string path = folder / "f.onnx";
  std::set<std::string> refused;
  for (const OnnxCase& c : onnx_cases()) {
    INFO(c.name);
    auto f = traced(c);
    const Tensor expected = f(c.inputs);
    try {
      f.save(path);
    } catch (const TraceError& error) {
      const std::string text = error.what();
      INFO(text);
      REQUIRE(text.starts_with("save: the operator '"));
      REQUIRE(text.find("has no form in ONNX") != std::string::npos);
      REQUIRE(text.find(".cpp:") != std::string::npos);
      refused.insert(c.row);
      continue;
    }
    const Graph g = Graph::load(path);
    const Tensor got = g.call(c.inputs).at(0);
    INFO(f.graph().text());
    INFO(got << "\n instead of\n" << expected);
    CHECK(close(got, expected));
  }
  CHECK(refused == std::set<std::string>{"bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor",
                                         "erfinv", "left_shift", "right_shift"});
}

std::string saved(const TemporaryFolder& folder, const auto& f) {
  f.save(folder / "f.onnx");
  return folder / "f.onnx";
}

TEST_CASE("operators that ONNX has by name come back with the same bits") {
  const TemporaryFolder folder;
  const Variable w(rng::normal({6, 4}), "w"), b(rng::normal({4}), "b");
  auto f = trace([&](const Tensor& x) {
    return softmax(tanh(matmul(x, w) + b)) * sigmoid(sum(x, 1, {.keepdims = true}));
  });
  const Tensor x = rng::normal({5, 6});
  const Tensor expected = f(x);
  const Graph g = Graph::load(saved(folder, f));
  CHECK(equal(g(x), expected));
  CHECK(g.signatures() == std::vector<std::string>{"(float32[5,6] x) -> (float32[5,4] result)"});
  const auto [logits] = g.run({{"x", x}}, {"matmul"});  // names are kept
  CHECK(equal(logits, matmul(x, w)));
}

TEST_CASE("unknown sizes go to ONNX by their names, and come back") {
  const TemporaryFolder folder;
  const Dim batch("batch");
  auto f = trace(
      [](const Tensor& x) {
        const Tensor y = reshape(x, {x.dim(0) * 2, 3});
        return concat({pad(y, {{1, 0}, {0, 2}}), ones({x.dim(0), 5})}) * x.dim(0);
      },
      {.inputs = {spec({batch, 6}, float32, "x")}});
  (void)f(ones({2, 6}));
  const Graph g = Graph::load(saved(folder, f));
  CHECK(g.signatures()[0] == "(float32[batch,6] x) -> (float32[3*batch+1,5] result)");
  for (const int size : {1, 4}) {
    const Tensor x = rng::normal({size, 6});
    CHECK(equal(g(x), f(x)));
  }
}

TEST_CASE("an unknown size that is cast goes to ONNX") {
  const TemporaryFolder folder;
  auto f = trace([](const Tensor& x) { return reshape(x / x.dim(0), {-1, 2}); },
                 {.inputs = {spec({unknown, 4}, float32, "x")}});
  (void)f(ones({3, 4}));
  const Graph g = Graph::load(saved(folder, f));
  for (const int size : {1, 4}) CHECK(equal(g(ones({size, 4})), f(ones({size, 4}))));
}

TEST_CASE("what a graph of ONNX cannot do is refused, with the line and a way out") {
  const TemporaryFolder folder;
  const auto refusal = [&](const auto& body) {
    auto f = trace(body);
    (void)f(ones({3}));
    return thrown<TraceError>([&] { f.save(folder / "f.onnx"); });
  };
  Variable v(zeros({3}), "v");
  const std::string assigned = refusal([&](const Tensor& x) {
    v.assign(v + x);
    return x * 2;
  });
  CHECK(
      assigned.starts_with("save: the variable 'v' is assigned, and a graph of ONNX changes "
                           "nothing: save a function that only computes"));
  CHECK(assigned.find("onnx_test.cpp:") != std::string::npos);
  CHECK(refusal([](const Tensor& x) {
          return x + rng::normal({3});
        }).starts_with("save: random numbers are drawn, which ONNX has no equal for: pass them"));
  CHECK(refusal([](const Tensor& x) {
          print(x);
          return x * 2;
        }).starts_with("save: something is printed, which ONNX has no equal for: print outside"));
  CHECK(refusal([](const Tensor& x) { return erfinv(x * 0.5); })
            .starts_with(
                "save: the operator 'erfinv' has no form in ONNX (it stands at onnx_test.cpp:"));
  CHECK(
      refusal([](const Tensor& x) { return x.to(int32) & 3; })
          .starts_with("save: the operator 'bitwise_and' has no form in ONNX here: of integers it "
                       "comes with operator set 18 (it stands at onnx_test.cpp:"));
  auto two = trace([](const Tensor& x) { return x + 1; });
  (void)two(ones({3}));
  (void)two(ones({4}));
  CHECK(thrown<TraceError>([&] { two.save(folder / "f.onnx"); }).find("has 2 signatures") !=
        std::string::npos);
  CHECK(folder.files() == 0);
}

TEST_CASE("gradients and training's other parts are written as well") {
  const TemporaryFolder folder;
  const Variable w(rng::normal({3, 3, 2, 4}), "w"), v(rng::normal({4, 5}), "v");
  auto f = trace([&](const Tensor& x) {
    GradientTape tape;
    const Tensor h = gelu(conv2d(x, w, {.stride = {2, 2}, .padding = WindowPadding::same()}));
    const Tensor y = matmul(mean(h, {1, 2}), v);
    return tape.gradient(mean(square(log_softmax(y))), w);
  });
  const Tensor x = rng::normal({2, 7, 8, 2});
  const Tensor expected = f(x);
  const Graph g = Graph::load(saved(folder, f));
  CHECK(allclose(g(x), expected, {.rtol = 1e-4, .atol = 1e-6}));
}

TEST_CASE("an operator from outside has a form in ONNX like any other") {
  static constexpr Op own[] = {
      {.name = "onnx_test_softsign",
       .rule = same_shape<Kinds::floating>,
       .body = [](Body& b) { b.out(b.in(0) / (1.0 + kernel::abs(b.in(0)))); },
       .onnx = [](OnnxForm& o) { o.out(o.in(0) / (1 + abs(o.in(0)))); }},
      {.name = "onnx_test_nameless", .rule = same_shape<Kinds::floating>, .body = [](Body& b) {
         b.out(b.in(0) + 1.0);
       }}};
  const TemporaryFolder folder;
  const Tensor x = rng::normal({7});
  auto f = trace([&](const Tensor& t) { return call(own[0], t); });
  const Tensor expected = f(x);
  CHECK(equal(Graph::load(saved(folder, f))(x), expected));
  auto g = trace([&](const Tensor& t) { return call(own[1], t); });
  (void)g(x);
  CHECK(thrown<TraceError>([&] {
          g.save(folder / "g.onnx");
        }).starts_with("save: the operator 'onnx_test_nameless' has no form in ONNX"));
}

// ---- Files that are not believed ----------------------------------------------------------------

/// A model of one node that reads `x`, float32[2,3], and gives `y`.
onnx::Model model_of(const onnx::Operation& node) {
  onnx::Model model;
  model.format_version = 8;
  model.operator_sets = {{"", 17}};
  model.graph_name = "test";
  model.inputs = {{"x", 1, std::vector<onnx::Size>{{2, ""}, {3, ""}}}};
  model.outputs = {{"y", 1, std::nullopt}};
  model.nodes = {node};
  return model;
}

std::string written(const TemporaryFolder& folder, const onnx::Model& model) {
  std::string bytes;
  onnx::write(model, [&](std::string_view piece) { bytes += piece; });
  test::write_file(folder / "m.onnx", bytes);
  return folder / "m.onnx";
}

std::string refusal_of(const onnx::Model& model) {
  const TemporaryFolder folder;
  const std::string path = written(folder, model);
  const std::string text = thrown<FormatError>([&] { (void)Graph::load(path); });
  const std::string beginning = "load: " + path + ": ";
  REQUIRE(text.starts_with(beginning));
  return text.substr(beginning.size(), text.rfind(", at ") - beginning.size());
}

onnx::Operation operation(std::string type, std::vector<std::string> inputs = {"x"}) {
  return {.name = "n",
          .type = std::move(type),
          .domain = "",
          .inputs = std::move(inputs),
          .outputs = {"y"},
          .attributes = {}};
}

TEST_CASE("what rill does not have is named by its node") {
  CHECK(refusal_of(model_of(operation("Einsum"))) == "'n' (Einsum): rill has no such operator");
  auto node = operation("FancyOp");
  node.domain = "com.example";
  CHECK(refusal_of(model_of(node)) ==
        "'n' (FancyOp): rill knows no operators of the domain 'com.example'");
  node = operation("Relu");
  node.attributes = {{"slope", std::int64_t{1}}};
  CHECK(refusal_of(model_of(node)) == "'n' (Relu): the attribute 'slope' is not known");
  node = operation("MaxPool");
  node.attributes = {{"kernel_shape", std::int64_t{2}}};
  CHECK(refusal_of(model_of(node)) ==
        "'n' (MaxPool): takes images (n, c, h, w) or sequences (n, c, w), not float32[2,3]");
  node = operation("Softmax");
  node.attributes = {{"axis", std::int64_t{5}}};
  CHECK(refusal_of(model_of(node)) == "'n' (Softmax): the axis 5 is outside [-2, 2)");
  CHECK(refusal_of(model_of(operation("MatMul", {"x", "x"})))
            .starts_with("'n' (MatMul): inner sizes differ (3 vs 2)"));
  onnx::Model old = model_of(operation("Relu"));
  old.operator_sets = {{"", 6}};
  CHECK(refusal_of(old) == "asks for operator set 6; rill reads 7 to 24");
}

TEST_CASE("models that contradict themselves are refused") {
  CHECK(refusal_of(model_of(operation("Relu", {"z"}))) ==
        "'n' (Relu) reads 'z', which nothing before it gives");
  CHECK(refusal_of(model_of(operation("Relu", {"y"}))) ==  // a circle
        "'n' (Relu) reads 'y', which nothing before it gives");
  onnx::Model twice = model_of(operation("Relu"));
  twice.nodes.push_back(operation("Tanh"));
  CHECK(refusal_of(twice) == "'n' (Tanh): two values have the name 'y'");
  onnx::Model lying = model_of(operation("Relu"));
  lying.outputs[0].element_type = 7;
  CHECK(refusal_of(lying) == "the output 'y' is float32[2,3], and the file says otherwise");
  onnx::Model missing = model_of(operation("Relu"));
  missing.outputs[0].name = "w";
  CHECK(refusal_of(missing) == "the output 'w' is made by nothing");
  const auto with_constant = [](onnx::Constant constant) {
    onnx::Model model = model_of(operation("Add", {"x", "c"}));
    constant.name = "c";
    model.constants = {std::move(constant)};
    return model;
  };
  CHECK(refusal_of(with_constant({.name = "",
                                  .element_type = 1,
                                  .sizes = {4, 4},
                                  .elements = "abcd",
                                  .owner = {},
                                  .location = "",
                                  .offset = 0,
                                  .length = {}})) ==
        "the tensor 'c' of shape [4,4] has 4 bytes, and needs 64");
  CHECK(refusal_of(with_constant({.name = "",
                                  .element_type = 8,
                                  .sizes = {},
                                  .elements = "",
                                  .owner = {},
                                  .location = "",
                                  .offset = 0,
                                  .length = {}})) ==
        "the tensor 'c' is of ONNX's element type 8, which is none of rill's");
  CHECK(refusal_of(with_constant({.name = "",
                                  .element_type = 1,
                                  .sizes = {-1},
                                  .elements = "",
                                  .owner = {},
                                  .location = "",
                                  .offset = 0,
                                  .length = {}})) == "the tensor 'c' has the size -1");
}

TEST_CASE("a small file makes nothing large when it is read") {
  // 2^40 elements, by a constant that is stretched, summed, and counted.
  onnx::Model model = model_of(operation("Expand", {"x", "to"}));
  const std::array<std::int64_t, 4> to = {std::int64_t{1} << 20, std::int64_t{1} << 20, 2, 3};
  model.constants = {{.name = "to",
                      .element_type = 7,
                      .sizes = {4},
                      .elements = {reinterpret_cast<const char*>(to.data()), sizeof(to)},
                      .owner = {},
                      .location = "",
                      .offset = 0,
                      .length = {}}};
  model.nodes[0].outputs = {"e"};
  onnx::Operation fill = operation("ConstantOfShape", {"to"});
  fill.outputs = {"f"};
  onnx::Operation sum_of_it = operation("ReduceSum", {"f"});
  sum_of_it.outputs = {"s"};
  model.nodes.push_back(fill);
  model.nodes.push_back(sum_of_it);
  model.nodes.push_back(operation("Add", {"e", "s"}));
  const TemporaryFolder folder;
  const Graph g = Graph::load(written(folder, model));
  CHECK(g.signatures()[0] == "(float32[2,3] x) -> (float32[1048576,1048576,2,3] y)");
  const onnx::Operation range = operation("Range", {"zero", "many", "one"});
  onnx::Model counted = model_of(range);
  const std::array<std::int64_t, 3> numbers = {0, std::int64_t{1} << 50, 1};
  const char* const names[] = {"zero", "many", "one"};
  for (std::size_t i = 0; i < 3; ++i) {
    counted.constants.push_back({.name = names[i],
                                 .element_type = 7,
                                 .sizes = {},
                                 .elements = {reinterpret_cast<const char*>(&numbers[i]), 8},
                                 .owner = {},
                                 .location = "",
                                 .offset = 0,
                                 .length = {}});
  }
  CHECK(refusal_of(counted) == "'n' (Range): makes more than 1048576 numbers");
}

TEST_CASE("tensors in other files are read from the model's folder only") {
  const TemporaryFolder folder;
  const std::array<float, 3> numbers = {1, 2, 3};
  test::write_file(folder / "w.bin", {reinterpret_cast<const char*>(numbers.data()), 12});
  // Protobuf's bytes of an initializer float32[3] named c that lies in a file.
  const auto model_with = [&](const std::string& location, const std::string& length) {
    const auto field = [](char tag, const std::string& content) {
      return std::string{tag, static_cast<char>(content.size())} + content;
    };
    const auto entry = [&](const std::string& key, const std::string& value) {
      return field(0x6a, field(0x0a, key) + field(0x12, value));
    };
    const std::string tensor = std::string("\x08\x03\x10\x01", 4) + field(0x42, "c") +
                               entry("location", location) + entry("length", length) +
                               std::string("\x70\x01", 2);
    const std::string node =
        field(0x0a, "x") + field(0x0a, "c") + field(0x12, "y") + field(0x22, "Add");
    const std::string dims =
        field(0x0a, std::string("\x08\x02", 2)) + field(0x0a, std::string("\x08\x03", 2));
    const std::string type = field(0x0a, std::string("\x08\x01", 2) + field(0x12, dims));
    const std::string graph = field(0x0a, node) + field(0x2a, tensor) +
                              field(0x5a, field(0x0a, "x") + field(0x12, type)) +
                              field(0x62, field(0x0a, "y"));
    test::write_file(folder / "m.onnx", std::string("\x08\x08", 2) + field(0x3a, graph) +
                                            field(0x42, std::string("\x10\x11", 2)));
    return folder / "m.onnx";
  };
  CHECK(equal(Graph::load(model_with("w.bin", "12"))(zeros({2, 3})),
              tensor({{1, 2, 3}, {1, 2, 3}}, float32)));
  const auto refusal = [&](const std::string& location, const std::string& length) {
    const std::string path = model_with(location, length);
    return thrown<FormatError>([&] { (void)Graph::load(path); });
  };
  for (const char* const outside : {"../w.bin", "/etc/passwd", "a/w.bin", ".."}) {
    CHECK(refusal(outside, "12").find("which is outside the model's folder") != std::string::npos);
  }
  CHECK(refusal("w.bin", "13").find("has 13 bytes in a file, and needs 12") != std::string::npos);
  test::write_file(folder / "w.bin", "short");
  CHECK(refusal("w.bin", "12").find("'w.bin' ends before") != std::string::npos);
}

TEST_CASE("damaged files of ONNX are read or refused, and nothing else") {
  const TemporaryFolder folder;
  const Variable w(rng::normal({3, 2}), "w");
  auto f =
      trace([&](const Tensor& x) { return relu(matmul(x, w)) + mean(x, 1, {.keepdims = true}); });
  (void)f(ones({2, 3}));
  const std::string whole = test::content_of(saved(folder, f));
  const auto load = [](const std::string& path) {
    // The reader goes by the ending.
    const std::string named = path + ".onnx";
    std::filesystem::rename(path, named);
    (void)Graph::load(named);
  };
  test::check_read_or_refused(test::cut_off(whole), load);
  test::check_read_or_refused(test::flipped(whole, 0xff), load);
  test::check_read_or_refused(test::flipped(whole, 0x01), load);
  test::check_refused({"", "not a model", std::string(1000, '\0'), std::string(1000, '\xff')},
                      load);
}

TEST_CASE("a file of many empty or small parts costs a small multiple of itself") {
  // Nodes without anything, attributes without names, inputs without names: two bytes each.
  const TemporaryFolder folder;
  const auto refused_at_once = [&](const std::string& part, const std::string& before) {
    std::string parts;
    for (int i = 0; i < 1'000'000; ++i) parts += part;
    const auto length = [](std::size_t n) {
      std::string bytes;
      for (; n > 127; n >>= 7U) bytes += static_cast<char>(n | 0x80U);
      return bytes + static_cast<char>(n);
    };
    std::string node = parts;
    if (!before.empty()) node = "\x0a" + length(parts.size() + before.size()) + before + parts;
    test::write_file(folder / "m.onnx", "\x3a" + length(node.size()) + node);
    CHECK_THROWS_AS(Graph::load(folder / "m.onnx"), FormatError);
  };
  refused_at_once(std::string("\x0a\x00", 2), "");              // nodes
  refused_at_once(std::string("\x5a\x00", 2), "");              // inputs
  refused_at_once(std::string("\x2a\x00", 2), "");              // tensors
  refused_at_once(std::string("\x2a\x00", 2), "\x22\x04Relu");  // attributes
  refused_at_once(std::string("\x0a\x00", 2), "\x22\x04Relu");  // a node's inputs
}

/// For tests/python, which runs the files in another library: a model, its inputs and its result.
TEST_CASE("every operator as a file of ONNX with inputs and result", "[.onnx-files]") {
  const char* const to = std::getenv("RILL_ONNX_FILES");
  if (to == nullptr) return;  // nobody asked for files
  for (const OnnxCase& c : onnx_cases()) {
    INFO(c.name);
    auto f = traced(c);
    const Tensor result = f(c.inputs);
    const std::string path = std::string(to) + "/" + c.name;
    try {
      f.save(path + ".onnx");
    } catch (const TraceError&) {
      continue;
    }
    std::map<std::string, Tensor> tensors = {{"result", result}};
    for (std::size_t i = 0; i < c.inputs.size(); ++i)
      tensors["x" + std::to_string(i)] = c.inputs[i];
    save_npz(path + ".npz", tensors);
  }
}

}  // namespace
}  // namespace rill
