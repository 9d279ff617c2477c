#include <cmath>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

/// An operator without tensors, whose shape or dtype follows an operand.
Row made(std::string name, std::function<Tensor(Tensors)> apply,
         std::function<Array(Arrays)> reference, std::vector<DType> dtypes = everything) {
  Row row{.name = std::move(name), .dtypes = std::move(dtypes)};
  row.cases = {{{{{3, 4}}}, std::move(apply), std::move(reference), "like a matrix"}};
  return row;
}

Array ramp(std::int64_t count, double first, double step) {
  return array_of({count},
                  [&](const Sizes& at) { return first + static_cast<double>(at[0]) * step; });
}

}  // namespace

std::vector<Row> creation_rows() {
  Row filled{.name = "full", .dtypes = everything, .order = 2};
  filled.cases = {{{{{}, 1, 3}},
                   [](Tensors x) { return full({2, 3}, x[0]); },
                   [](Arrays x) { return Array({2, 3}, x[0].values[0]); },
                   "a tensor's value"}};
  filled.bad = {
      {[] { (void)full({2}, zeros({2})); }, "ShapeError", "full: fills with a scalar: float32[2]"},
      {[] { (void)zeros({-1, 2}); }, "ShapeError", "zeros: a size is negative: [-1,2]"}};

  Row sequence = made(
      "arange", [](Tensors x) { return arange(2, 9, 3, x[0].dtype()); },
      [](Arrays) { return ramp(3, 2, 3); }, numbers);
  sequence.cases.push_back({{{{2}}},
                            [](Tensors x) { return arange(1.0, 0.0, -0.25, x[0].dtype()); },
                            [](Arrays) { return ramp(4, 1, -0.25); },
                            "downwards"});
  sequence.cases.push_back({{{{2}}},
                            [](Tensors x) { return arange(5, 5, 1, x[0].dtype()); },
                            [](Arrays) { return Array({0}); },
                            "nothing"});
  sequence.cases.push_back({{{{7}}},
                            [](Tensors x) { return arange(x[0].dim(0)).to(x[0].dtype()); },
                            [](Arrays) { return ramp(7, 0, 1); },
                            "a size"});
  for (Case& c : sequence.cases) c.symbolic = c.name == "a size";
  sequence.dtypes = floats;
  sequence.bad = {{[] { (void)arange(0, 5, 0); }, "ValueError", "arange: the step is zero"},
                  {[] { (void)arange(0.0, 1e30, 1e-9); }, "ValueError",
                   "arange: from 0 to 1e+30 by 1e-09 is no finite sequence"}};

  Row even = made(
      "linspace", [](Tensors x) { return linspace(-1, 2, 7, x[0].dtype()); },
      [](Arrays) { return ramp(7, -1, 0.5); }, floats);
  even.cases.push_back({{{{2}}},
                        [](Tensors x) { return linspace(3, 5, 1, x[0].dtype()); },
                        [](Arrays) { return Array({1}, 3); },
                        "one number"});
  for (Case& c : even.cases) c.symbolic = false;
  even.bad = {
      {[] { (void)linspace(0, 1, -2); }, "ShapeError", "linspace: a size is negative: [-2]"}};

  Row diagonal = made(
      "eye", [](Tensors x) { return eye(3, 4, 1, x[0].dtype()); },
      [](Arrays) {
        return array_of({3, 4}, [](const Sizes& at) { return at[1] - at[0] == 1 ? 1.0 : 0.0; });
      });
  diagonal.cases.push_back(
      {{{{2, 2}}},
       [](Tensors x) { return eye(x[0].dim(0), x[0].dtype()); },
       [](Arrays) {
         return array_of({2, 2}, [](const Sizes& at) { return at[1] == at[0] ? 1.0 : 0.0; });
       },
       "square"});
  diagonal.cases[0].symbolic = false;

  Row size{.name = "size_tensor", .dtypes = {int64}, .also = {"size"}};
  size.cases = {{{{{7}}},
                 [](Tensors x) { return size_tensor(x[0].dim(0)) + zeros({}, int64); },
                 [](Arrays) { return Array({}, 7); },
                 "of an axis"}};

  const auto like = [](double value) { return [=](Arrays x) { return Array(x[0].shape, value); }; };
  return {filled,
          sequence,
          even,
          diagonal,
          size,
          made(
              "zeros", [](Tensors x) { return zeros(x[0].shape(), x[0].dtype()); }, like(0)),
          made(
              "ones", [](Tensors x) { return ones(x[0].shape(), x[0].dtype()); }, like(1)),
          made(
              "zeros_like", [](Tensors x) { return zeros_like(x[0]); }, like(0)),
          made(
              "ones_like", [](Tensors x) { return ones_like(x[0]); }, like(1)),
          made("full_like", [](Tensors x) { return full_like(x[0], 1); }, like(1))};
}

}  // namespace rill::table
