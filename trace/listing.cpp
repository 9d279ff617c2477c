#include <rill/trace/listing.h>

#include <string_view>

namespace rill {
namespace {

std::string node_line(const Function& function, const Node& node) {
  const auto operand = [&](std::size_t k) { return function.reference(node.inputs[k]); };
  const auto made = [&](const std::string& how) { return node.name + " = " + how; };
  switch (node.kind) {
    case Node::Kind::input:
      return node.name + ": " + node.results[0].text();
    case Node::Kind::constant:
      return made("constant " + node.results[0].text());
    case Node::Kind::number:
      return made(node.value.body().scalar.text());
    case Node::Kind::variable:
      return made("variable '" + node.variable.name() + "' " + node.results[0].text());
    case Node::Kind::assign:
      return "variable '" + node.variable.name() + "' = " + operand(0);
    case Node::Kind::draw:
      return made("draw " + node.results[0].text());
    case Node::Kind::check:
      return "check " + operand(0) + ": " + node.message;
    case Node::Kind::print: {
      std::string line = "print " + node.words[0];
      for (std::size_t k = 0; k < node.inputs.size(); ++k) line += operand(k) + node.words[k + 1];
      return line;
    }
    case Node::Kind::custom: {
      std::string line = made("custom_gradient(");
      const std::size_t first = node.gradient->arguments;
      for (std::size_t k = 0; k < node.results.size(); ++k)
        line += (k > 0 ? ", " : "") + operand(first + k);
      return line + ")";
    }
    case Node::Kind::op:
      break;
  }
  std::string line = made(std::string(node.op->name) + "(");
  std::string_view separator;
  for (std::size_t k = 0; k < node.inputs.size(); ++k) {
    line.append(separator).append(operand(k));
    separator = ", ";
  }
  if (const std::string attributes = node.attributes.text(); !attributes.empty())
    line.append(separator).append(attributes);
  line += ")";
  separator = " ";
  for (const Spec& result : node.results) {
    line.append(separator).append(result.text());
    separator = ", ";
  }
  return line;
}

}  // namespace

std::string listing(const Function& function) {
  std::string text;
  for (const Node& node : function.nodes) text += node_line(function, node) + "\n";
  text += "return";
  std::string_view separator = " ";
  for (const Function::Output& output : function.outputs) {
    text.append(separator).append(function.reference(output.edge));
    separator = ", ";
  }
  return text + "\n";
}

}  // namespace rill
