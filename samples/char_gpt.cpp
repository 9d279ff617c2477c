// A small transformer that learns to write, one character after the other (Vaswani et al. 2017;
// Radford et al. 2019): 4 layers, 4 heads, 128 wide, 64 characters of context, trained on the book
// of Ecclesiastes.
//
//     char_gpt [--steps N]

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <rill/rill.h>

#include "options.h"

using namespace rill;

namespace {

constexpr std::int64_t context = 64, width = 128, heads = 4, layers = 4, batch = 12;

/// Characters as numbers, in order of the alphabet that the text uses.
struct Text {
  std::string alphabet;
  Tensor codes;  // (n) int64

  explicit Text(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw FileError("cannot read " + path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (int c = 0; c < 128; ++c) {
      if (text.find(static_cast<char>(c)) != std::string::npos) alphabet += static_cast<char>(c);
    }
    std::vector<std::int64_t> numbers;
    for (const char c : text) numbers.push_back(static_cast<std::int64_t>(alphabet.find(c)));
    codes = tensor(numbers);
  }
};

/// Weights and what is done with them: (..., in) -> (..., out).
struct Linear {
  Variable w, b;
  Linear(std::int64_t in, std::int64_t out)
      : w(rng::normal({in, out}) * 0.02, "w"), b(zeros({out}), "b") {}
  Tensor operator()(const Tensor& x) const { return matmul(x, w) + b; }
};

struct Norm {
  Variable gamma{ones({width}), "gamma"}, beta{zeros({width}), "beta"};
  Tensor operator()(const Tensor& x) const { return layer_norm(x, gamma, beta); }
};

struct Block {
  Norm norm_1, norm_2;
  Linear qkv{width, 3 * width}, out{width, width}, up{width, 4 * width}, down{4 * width, width};

  /// (b, t, width) -> (b, heads, t, width / heads)
  static Tensor split_heads(const Tensor& x) {
    return x.reshape({x.dim(0), x.dim(1), heads, width / heads}).transpose({0, 2, 1, 3});
  }

  Tensor operator()(Tensor x) const {  // (b, t, width)
    const auto parts = split(qkv(norm_1(x)), 3, -1);
    const Tensor y = scaled_dot_product_attention(split_heads(parts[0]), split_heads(parts[1]),
                                                  split_heads(parts[2]), {.causal = true});
    x = x + out(y.transpose({0, 2, 1, 3}).reshape(x.shape()));
    return x + down(gelu(up(norm_2(x))));
  }
};

struct Gpt {
  Variable tokens, positions, head;
  std::vector<Block> blocks;
  Norm norm;

  explicit Gpt(std::int64_t alphabet)
      : tokens(rng::normal({alphabet, width}) * 0.02, "tokens"),
        positions(rng::normal({context, width}) * 0.02, "positions"),
        head(rng::normal({width, alphabet}) * 0.02, "head") {
    for (int i = 0; i < layers; ++i) blocks.emplace_back();
  }

  /// (b, t) int64 -> (b, t, alphabet)
  Tensor operator()(const Tensor& codes) const {
    Tensor x =
        embedding(tokens, codes) + positions(slice(0, codes.dim(1).value()));  // (b, t, width)
    for (const Block& block : blocks) x = block(x);
    return matmul(norm(x), head);
  }
};

std::string write(const Gpt& model, const Text& text, std::string sample, int characters) {
  for (int i = 0; i < characters; ++i) {
    const std::string last = sample.substr(sample.size() > context ? sample.size() - context : 0);
    std::vector<std::int64_t> codes;
    for (const char c : last) codes.push_back(static_cast<std::int64_t>(text.alphabet.find(c)));
    const Tensor logits = model(expand_dims(tensor(codes), 0))(0, -1) / 0.8;
    // A draw from the distribution: the first place where the cumulative probability passes a
    // uniform number.
    const Tensor passed = cumsum(softmax(logits), 0) > rng::uniform({});
    sample +=
        text.alphabet[static_cast<std::size_t>(argmax(passed.to(int32)).item<std::int64_t>())];
  }
  return sample;
}

}  // namespace

int main(int argc, char** argv) try {
  const int steps =
      Options("char_gpt [--steps N]", {"--steps"}, argc, argv).positive("--steps", 600);
  rng::seed(1);
  const Text text(std::string(RILL_SAMPLE_DATA) + "/ecclesiastes.txt");
  const Gpt model(static_cast<std::int64_t>(text.alphabet.size()));
  AdamW optimizer(1e-3);
  const Tensor window = arange(context);
  double loss = 0;
  for (int step = 1; step <= steps; ++step) {
    const Tensor starts = rng::randint({batch, 1}, 0, text.codes.size() - context - 1);
    const Tensor at = starts + window;                  // (b, t)
    const Tensor input = take(text.codes, at, 0);       // (b, t)
    const Tensor target = take(text.codes, at + 1, 0);  // (b, t)
    loss = optimizer.minimize([&] { return mean(cross_entropy(model(input), target)); })
               .item<double>();
    if (step % 100 == 0 || step == 1) {
      std::printf("step %4d  loss %.3f\n", step, loss);
      std::fflush(stdout);
    }
  }
  std::printf("loss below 2.2: %s\n\n%s\n", loss < 2.2 ? "yes" : "no",
              write(model, text, "Vanity", 300).c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
