// Values per second of every encoder at every effort: scalar, fast, with and without weights,
// beside memcpy of the same input. Compare medians: --benchmark_repetitions=5
// --benchmark_report_aggregates_only=true

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/encoder.h"

namespace gguf {
namespace {

// 256 KiB of floats: in the second-level cache, as a chunk of the engine would be.
constexpr size_t kRows = 16;
constexpr size_t kColumns = 4096;

const std::vector<float>& Rows() {
  static const std::vector<float> rows = [] {
    std::vector<float> values(kRows * kColumns);
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0.0f, 0.02f);
    for (float& value : values) value = normal(random);
    return values;
  }();
  return rows;
}

const std::vector<float>& Weights() {
  static const std::vector<float> weights = [] {
    std::vector<float> values(kColumns);
    std::mt19937 random(2);
    std::normal_distribution<float> normal(0.0f, 1.0f);
    for (float& value : values) value = std::exp(normal(random));
    return values;
  }();
  return weights;
}

void BM_Encode(benchmark::State& state, TensorType type, EncodeRows encode, const float* weights) {
  const std::vector<float>& rows = Rows();
  const TensorTypeInfo& info = InfoOf(type);
  std::vector<uint8_t> out(rows.size() / info.block_values * info.block_bytes);
  for (auto _ : state) {
    encode(rows.data(), kRows, kColumns, weights, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * rows.size());
}

void BM_Memcpy(benchmark::State& state) {
  const std::vector<float>& rows = Rows();
  std::vector<float> out(rows.size());
  for (auto _ : state) {
    std::memcpy(out.data(), rows.data(), rows.size() * sizeof(float));
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * rows.size());
}

void RegisterAll() {
  benchmark::RegisterBenchmark("memcpy", BM_Memcpy);
  for (const Encoder& encoder : AllEncoders()) {
    for (const bool weighted : {false, true}) {
      if (weighted ? !encoder.uses_weights : encoder.requires_weights) continue;
      const float* weights = weighted ? Weights().data() : nullptr;
      const std::string name = std::string(NameOf(encoder.type)) + "/" +
                               std::string(NameOf(encoder.effort)) +
                               (weighted ? "/weights" : "/plain");
      benchmark::RegisterBenchmark((name + "/fast").c_str(), BM_Encode, encoder.type,
                                   encoder.encode, weights);
      benchmark::RegisterBenchmark((name + "/scalar").c_str(), BM_Encode, encoder.type,
                                   encoder.encode_reference, weights);
    }
  }
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  gguf::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
