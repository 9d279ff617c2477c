/// `Draft`: a model in the making, whose values are numbers until all of them have names.
/// Invariant: values that mean the same (a number, a list, a cast of a value) are made once; names
/// are unique, and inputs and outputs keep those they are given.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rill/ops/onnx_form.h>
#include <rill/tensor/scalar.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/tensor.h>
#include <rill/trace/onnx/model.h>

namespace rill::onnx {

class Draft {
 public:
  /// A value of the graph; -1 stands for an input that is left out.
  using Id = int;
  static constexpr Id none = -1;

  // ---- Values ---------------------------------------------------------------------------------
  Id input(std::string_view name, const Spec& spec);
  Id constant(const Tensor& value, std::string_view name);
  Id number(const Scalar& scalar, DType dtype);
  Id list(const std::vector<std::int64_t>& numbers);
  std::vector<Id> node(std::string_view type, std::span<const Id> inputs,
                       std::span<const OnnxForm::Attribute> attributes, std::size_t results);
  Id node(std::string_view type, std::initializer_list<Id> inputs,
          std::initializer_list<OnnxForm::Attribute> attributes = {}) {
    return node(type, {inputs.begin(), inputs.size()}, {attributes.begin(), attributes.size()},
                1)[0];
  }
  Id cast(Id value, DType dtype);
  /// int64[n]: what is not known is computed from the sizes of inputs. Throws `TraceError` for a
  /// size that no input has.
  Id sizes(const Shape& numbers);

  // ---- Names ----------------------------------------------------------------------------------
  /// What nodes are for from here on: their names begin so.
  void about(std::string_view name) { about_ = name; }
  /// What a value is called unless it has a better name.
  void suggest(Id value, std::string_view name) { suggestions_.emplace_back(value, name); }
  void output(std::string_view name, Id value, const Spec& spec);

  /// The model. The draft is empty afterwards.
  Model finish();

 private:
  struct Step {
    std::string about;
    std::string type;
    std::vector<Id> inputs, outputs;
    std::vector<Attribute> attributes;
  };
  struct Output {
    std::string name;
    Id value;
    Spec spec;
  };
  class SizeReader;

  Id add(std::string name = {});
  std::string unique(std::string_view name);
  void name(Id value, std::string_view name);
  Value described(std::string_view name, const Spec& spec);
  /// int64[1].
  Id size(Dim dim);
  /// Fresh sizes by names that files may hold.
  Dim named(Dim dim);

  std::vector<std::string> names_;  // by value; empty while there is none
  std::set<std::string> taken_;
  std::map<std::string, int> repeats_;
  std::vector<std::pair<Id, std::string>> suggestions_;
  std::vector<Step> steps_;
  std::vector<Output> outputs_;
  std::vector<std::pair<Id, Constant>> constants_;
  std::vector<Value> inputs_;
  std::map<std::pair<DType, std::uint64_t>, Id> numbers_;
  std::map<std::vector<std::int64_t>, Id> lists_;
  std::map<std::pair<Id, DType>, Id> casts_;
  std::map<std::string, std::pair<Id, int>> size_sources_;  // a size's name: the input and its axis
  std::map<std::string, Id> sizes_;                         // by the expression's text
  std::map<std::string, Dim> fresh_;
  std::string about_;
};

}  // namespace rill::onnx
