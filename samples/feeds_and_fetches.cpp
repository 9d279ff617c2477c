// A graph is more than the function it came from: any of its values can be fetched by name, any can
// be fed, and only what the fetches need is run.

#include <rill/rill.h>

using namespace rill;

int main() {
  rng::seed(1);
  const Variable encoder(rng::normal({6, 2}), "encoder/w");
  const Variable decoder(rng::normal({2, 6}), "decoder/w");
  const auto autoencoder = trace([&](const Tensor& x) {  // (n, 6) -> (n, 6), by way of (n, 2)
    Tensor code;
    {
      const NameScope scope("encoder");
      code = tanh(matmul(x, encoder));
    }
    const NameScope scope("decoder");
    return matmul(code, decoder);
  });
  const Tensor x = rng::normal({1, 6});
  print("answer       ", autoencoder(x));

  const Graph graph = autoencoder.graph();
  for (const std::string& signature : graph.signatures()) print("signature    ", signature);

  // What stands in the middle.
  const auto [code, product] = graph.run({{"x", x}}, {"encoder/tanh", "encoder/matmul"});
  print("code         ", code);
  print("before tanh  ", product);

  // From the middle on: the encoder is not run, and x not asked for.
  const auto [answer] = graph.run({{"encoder/tanh", code}}, {"result"});
  print("from the code", answer);
  const auto [other] = graph.run({{"encoder/tanh", zeros({1, 2})}}, {"result"});
  print("of zeros     ", other);

  try {
    (void)graph.run({{"encoder/tanh", code}}, {"encoder/matmul"});
  } catch (const TraceError& error) {
    print(error.what());
  }
}
