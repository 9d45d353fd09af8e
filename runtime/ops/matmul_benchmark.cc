// Products of every tensor type with one activation (bytes of weights and values per second) and
// with a prompt of 512, by type of activations. One thread.

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "runtime/ops/matmul.h"

namespace gguf {
namespace {

constexpr size_t kRows = 2048, kColumns = 2048;

void RunProduct(benchmark::State& state, const TensorTypeInfo& info, size_t count,
                ActivationType activation_type) {
  std::mt19937 random(1);
  std::vector<uint8_t> weights(kRows * kColumns / info.block_values * info.block_bytes);
  // Scales of such bytes are finite and normal in every type.
  for (uint8_t& byte : weights) byte = 0x20 + random() % 0x20;
  std::vector<float> x(count * kColumns), out(count * kRows);
  for (float& value : x) value = static_cast<float>(random() % 1000) / 500.0f - 1.0f;
  const MatrixProduct product = {
      {info.type, weights.data(), kRows, kColumns}, nullptr, out.data(), kRows};
  for (auto _ : state) {
    Activations activations;
    activations.Assign(x.data(), count, kColumns);
    Multiply(&activations, {&product, 1}, 1, activation_type);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * weights.size());
  state.SetItemsProcessed(state.iterations() * kRows * kColumns * count);
}

void Register() {
  for (const TensorTypeInfo& info : AllTensorTypes()) {
    if (!info.is_weight) continue;
    for (const size_t count : {1, 512}) {
      for (const absl::string_view type : ActivationTypeNames()) {
        if (count > 1 && type == "q8") continue;  // as bf16
        const std::string name = absl::StrCat("Multiply/", info.name, "/", count, "/", type);
        benchmark::RegisterBenchmark(name.c_str(), RunProduct, info, count,
                                     *ParseActivationType(type));
      }
    }
  }
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  gguf::Register();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
