// Bytes of floats per second: every codec's reference and Highway decoder, the conversions between
// plain floats, and memcpy of as many bytes. 64 KiB of floats stay in the L2 cache, so that the
// code is measured and not the memory.

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "formats/codec/codec.h"
#include "formats/codec/float_convert.h"
#include "gguf/base/float16.h"
#include "gguf/tensor_type.h"

namespace gguf {
namespace {

constexpr size_t kNumValues = 16384;

void SetBytes(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
}

// Random bytes, but no block with an infinite scale.
std::vector<uint8_t> SaneBlocks(const Codec& codec) {
  const TensorTypeInfo& info = InfoOf(codec.type);
  const size_t num_blocks = kNumValues / info.block_values;
  std::vector<uint8_t> blocks(num_blocks * info.block_bytes);
  std::mt19937 random(1);
  for (size_t i = 0; i < num_blocks; ++i) {
    uint8_t* block = &blocks[i * info.block_bytes];
    do {
      for (size_t j = 0; j < info.block_bytes; ++j) block[j] = static_cast<uint8_t>(random());
    } while (codec.find_bad_block(block, 1) == 0);
  }
  return blocks;
}

void BM_Decode(benchmark::State& state, const Codec& codec,
               void (*decode)(const uint8_t*, size_t, float*)) {
  const std::vector<uint8_t> blocks = SaneBlocks(codec);
  std::vector<float> out(kNumValues);
  for (auto _ : state) {
    decode(blocks.data(), kNumValues, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  SetBytes(state, kNumValues * sizeof(float));
}

void BM_FindBadBlock(benchmark::State& state, const Codec& codec) {
  const std::vector<uint8_t> blocks = SaneBlocks(codec);
  const size_t num_blocks = kNumValues / InfoOf(codec.type).block_values;
  for (auto _ : state) benchmark::DoNotOptimize(codec.find_bad_block(blocks.data(), num_blocks));
  SetBytes(state, blocks.size());
}

void BM_Memcpy(benchmark::State& state) {
  const std::vector<float> in(kNumValues, 1.0f);
  std::vector<float> out(kNumValues);
  for (auto _ : state) {
    std::memcpy(out.data(), in.data(), kNumValues * sizeof(float));
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  SetBytes(state, kNumValues * sizeof(float));
}

// Bytes of floats read, in both; one in 16 is subnormal as binary16.
std::vector<float> Weights() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  std::vector<float> weights(kNumValues);
  for (size_t i = 0; i < kNumValues; ++i) weights[i] = normal(random) * (i % 16 ? 1.0f : 1e-3f);
  return weights;
}

void BM_Encode(benchmark::State& state, void (*encode)(const float*, size_t, uint8_t*)) {
  const std::vector<float> weights = Weights();
  std::vector<uint8_t> out(2 * kNumValues);
  for (auto _ : state) {
    encode(weights.data(), kNumValues, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  SetBytes(state, kNumValues * sizeof(float));
}

template <uint16_t (*kConvert)(float)>
void EncodeReference(const float* in, size_t num_values, uint8_t* out) {
  for (size_t i = 0; i < num_values; ++i) {
    const uint16_t value = kConvert(in[i]);
    std::memcpy(out + 2 * i, &value, sizeof(value));
  }
}

void BM_FindNonFinite(benchmark::State& state) {
  const std::vector<float> weights = Weights();
  for (auto _ : state) benchmark::DoNotOptimize(FindNonFinite(weights.data(), kNumValues));
  SetBytes(state, kNumValues * sizeof(float));
}

void RegisterAll() {
  benchmark::RegisterBenchmark("memcpy", BM_Memcpy);
  for (const Codec& codec : AllCodecs()) {
    const std::string name(NameOf(codec.type));
    benchmark::RegisterBenchmark(("reference/" + name).c_str(), BM_Decode, codec,
                                 codec.decode_reference);
    benchmark::RegisterBenchmark(("decode/" + name).c_str(), BM_Decode, codec, codec.decode);
  }
  for (const TensorType type :
       {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ4_0}) {
    const std::string name(NameOf(type));
    benchmark::RegisterBenchmark(("find_bad/" + name).c_str(), BM_FindBadBlock, CodecOf(type));
  }
  benchmark::RegisterBenchmark("find_non_finite", BM_FindNonFinite);
  benchmark::RegisterBenchmark("encode_reference/F16", BM_Encode, EncodeReference<F32ToF16>);
  benchmark::RegisterBenchmark("encode/F16", BM_Encode, EncodeF16);
  benchmark::RegisterBenchmark("encode_reference/BF16", BM_Encode, EncodeReference<F32ToBF16>);
  benchmark::RegisterBenchmark("encode/BF16", BM_Encode, EncodeBF16);
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  gguf::RegisterAll();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
