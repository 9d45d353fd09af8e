// Models of every family on a device against the same on the CPU: on the emulation of its kernels,
// and, where the libraries were built and a GPU is there, on that.

#include "runtime/cuda/device.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/tensor_type.h"
#include "gtest/gtest.h"
#include "runtime/cuda/device_sizes.h"
#include "runtime/cuda/emulation/backend.h"
#include "runtime/cuda/emulation/emulation.h"
#include "runtime/decoder.h"
#include "runtime/model.h"
#include "tests/runtime/converted_model.h"

namespace gguf {
namespace {

// Of the logits' standard deviation: pairs of bfloat16 are 2^-16 apart, a wrong rotation, window or
// expert is far above.
constexpr double kTolerance = 1e-3;

CudaLibraries Emulation() { return {gguf_cuda_get_api(), gguf_cuda_get_iq_api(), "emulation", ""}; }

std::unique_ptr<Model> OpenModel(const std::string& name, const std::string& folder,
                                 TensorType type = TensorType::kF32) {
  absl::StatusOr<std::unique_ptr<Model>> model = Model::Open(ConvertedModel(name, folder, type));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : nullptr;
}

std::vector<int32_t> Tokens(size_t count) {
  std::vector<int32_t> tokens(count);
  for (size_t i = 0; i < count; ++i) tokens[i] = static_cast<int32_t>(3 + i * 37 % 101);
  return tokens;
}

std::vector<float> Logits(const Model& model, DecoderOptions options, size_t count) {
  options.context = 128;
  const auto decoder = Decoder::Create(model, options);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  if (!decoder.ok()) return {};
  const auto logits = (*decoder)->Decode(Tokens(count), Outputs::kAll);
  EXPECT_TRUE(logits.ok()) << logits.status();
  return logits.ok() ? *logits : std::vector<float>();
}

// The largest difference, in standard deviations of what is expected.
double Difference(const std::vector<float>& actual, const std::vector<float>& expected) {
  if (actual.size() != expected.size()) return INFINITY;
  double largest = 0.0, sum = 0.0, squares = 0.0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(double{actual[i]} - expected[i]);
    if (!(difference <= largest)) largest = difference;  // NaN too
    sum += expected[i];
    squares += double{expected[i]} * expected[i];
  }
  const double mean = sum / actual.size();
  return largest / std::sqrt(squares / actual.size() - mean * mean);
}

struct Source {
  const char* name;
  const char* folder;
};

constexpr Source kModels[] = {
    {"llama", "testdata/hf/llama"},
    {"llama3", "testdata/hf/llama3"},
    {"kjv_llama", "testdata/kjv-llama"},
    {"mixtral", "testdata/hf/mixtral"},
    {"qwen2", "testdata/hf/qwen2"},
    {"qwen2moe", "testdata/hf/qwen2moe"},
    {"qwen2vl", "testdata/hf/qwen2vl"},
    {"qwen3", "testdata/hf/qwen3"},
    {"qwen3moe", "testdata/hf/qwen3moe"},
    {"gemma2", "testdata/hf/gemma2"},
    {"gemma3_text", "testdata/hf/gemma3-text"},
    {"gpt_oss", "testdata/hf/gpt-oss"},
    {"phi3", "testdata/hf/phi3"},
    {"granite", "testdata/hf/granite"},
    {"olmo2", "testdata/hf/olmo2"},
};

absl::StatusOr<std::shared_ptr<const Device>> OpenGpu() {
  const auto libraries = LoadCudaLibraries({"runtime/cuda"});
  if (!libraries.ok()) return libraries.status();
  return Device::Open(*libraries, 0);
}

// Models on the emulation (false), and on a GPU (true) where there is one.
std::vector<bool> Places() {
  return OpenGpu().ok() ? std::vector<bool>{false, true} : std::vector<bool>{false};
}

TEST(Gpu, RunsTheSameModels) {
  const auto device = OpenGpu();
  if (!device.ok()) GTEST_SKIP() << device.status();
}

class DeviceTest : public testing::TestWithParam<std::tuple<Source, bool>> {
 protected:
  void SetUp() override {
    const auto device = std::get<1>(GetParam()) ? OpenGpu() : Device::Open(Emulation(), 0);
    ASSERT_TRUE(device.ok()) << device.status();
    device_ = *device;
    const Source& source = std::get<0>(GetParam());
    model_ = OpenModel(source.name, source.folder);
    ASSERT_NE(model_, nullptr);
  }

  std::shared_ptr<const Device> device_;
  std::unique_ptr<Model> model_;
};

INSTANTIATE_TEST_SUITE_P(Models, DeviceTest,
                         testing::Combine(testing::ValuesIn(kModels), testing::ValuesIn(Places())),
                         [](const auto& info) {
                           return absl::StrCat(std::get<0>(info.param).name,
                                               std::get<1>(info.param) ? "_gpu" : "_emulation");
                         });

// 40 tokens at once: tiles of products, windows that end within the prompt.
TEST_P(DeviceTest, PromptsAgreeWithTheCpu) {
  const std::vector<float> expected = Logits(*model_, {}, 40);
  DecoderOptions options;
  options.device = device_;
  const double difference = Difference(Logits(*model_, options, 40), expected);
  RecordProperty("difference", std::to_string(difference));
  EXPECT_LE(difference, kTolerance);
}

TEST_P(DeviceTest, SingleTokensAgreeWithTheCpu) {
  const std::vector<float> expected = Logits(*model_, {}, 10);
  DecoderOptions options;
  options.device = device_;
  options.batch = 1;
  EXPECT_LE(Difference(Logits(*model_, options, 10), expected), kTolerance);
}

TEST_P(DeviceTest, LayersOnBothSidesAgreeWithTheCpu) {
  const std::vector<float> expected = Logits(*model_, {}, 12);
  DecoderOptions options;
  options.device = device_;
  options.device_layers = 1;
  options.batch = 7;
  EXPECT_LE(Difference(Logits(*model_, options, 12), expected), kTolerance);
}

std::shared_ptr<const Device> EmulatedDevice() {
  const auto device = Device::Open(Emulation(), 0);
  EXPECT_TRUE(device.ok()) << device.status();
  return device.ok() ? *device : nullptr;
}

// Norms, rotations and sums too: a missing barrier shows in one of the orders.
TEST(DeviceOrder, ResultsDoNotDependOnWhichThreadIsFirst) {
  const std::unique_ptr<Model> model = OpenModel("qwen2moe", "testdata/hf/qwen2moe");
  const std::vector<float> expected = Logits(*model, {}, 9);
  DecoderOptions options;
  options.device = EmulatedDevice();
  for (const auto order : {emulation::Order::kReverse, emulation::Order::kInterleaved}) {
    emulation::SetOrder(order);
    EXPECT_LE(Difference(Logits(*model, options, 9), expected), kTolerance);
  }
  emulation::SetOrder(emulation::Order::kForward);
}

// Rows that differ in the last bits may round to another code: bounds are what one code is worth.
TEST(DeviceCache, EveryTypeAgreesWithTheCpu) {
  const std::unique_ptr<Model> model = OpenModel("llama_trained", "testdata/hf/llama-trained");
  for (const TensorType type : CacheTypes()) {
    DecoderOptions options;
    options.key_type = options.value_type = type;
    const std::vector<float> expected = Logits(*model, options, 14);
    options.device = EmulatedDevice();
    options.batch = 5;
    EXPECT_LE(Difference(Logits(*model, options, 14), expected),
              InfoOf(type).is_quantized ? 2e-2 : kTolerance)
        << NameOf(type);
  }
}

TEST(DeviceEncoder, AgreesWithTheCpu) {
  const std::unique_ptr<Model> model = OpenModel("bert", "testdata/hf/bert");
  const auto encode = [&](const DecoderOptions& options) {
    const auto decoder = Decoder::Create(*model, options);
    EXPECT_TRUE(decoder.ok()) << decoder.status();
    const auto hidden = (*decoder)->Encode(Tokens(19));
    EXPECT_TRUE(hidden.ok()) << hidden.status();
    return *hidden;
  };
  DecoderOptions options;
  options.device = EmulatedDevice();
  EXPECT_LE(Difference(encode(options), encode({})), kTolerance);
}

// Sums of squares per weight and expert, as importance has them.
std::map<std::string, double> Observed(const Model& model, DecoderOptions options) {
  std::map<std::string, double> sums;
  options.observer = [&](const ObservedProduct& product) {
    double& sum = sums[absl::StrCat(product.weight, " ", product.expert)];
    for (size_t i = 0; i < product.count * product.columns; ++i) {
      sum += double{product.activations[i]} * product.activations[i];
    }
  };
  Logits(model, options, 20);
  return sums;
}

TEST(DeviceObserver, SeesWhatTheCpuSees) {
  const std::unique_ptr<Model> model = OpenModel("qwen2moe", "testdata/hf/qwen2moe");
  DecoderOptions options;
  const std::map<std::string, double> expected = Observed(*model, options);
  options.device = EmulatedDevice();
  const std::map<std::string, double> actual = Observed(*model, options);
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, sum] : expected) {
    const auto found = actual.find(name);
    ASSERT_NE(found, actual.end()) << name;
    EXPECT_NEAR(found->second, sum, 1e-3 * sum) << name;
  }
}

TEST(DeviceSupport, ATypeWithoutKernelsIsRefusedBeforeLoading) {
  const std::unique_ptr<Model> model = OpenModel("kjv_llama", "testdata/kjv-llama");
  GgufCudaApi api = *gguf_cuda_get_api();
  api.num_types = 1;  // F32, the first of the table
  ASSERT_EQ(api.types[0].type, static_cast<uint32_t>(TensorType::kF32));
  CudaLibraries libraries = {&api, nullptr, "emulation", "there is no such library"};
  DecoderOptions options;
  options.device = *Device::Open(libraries, 0);
  EXPECT_TRUE(Decoder::Create(*model, options).ok());
  const std::unique_ptr<Model> half =
      OpenModel("kjv_llama", "testdata/kjv-llama", TensorType::kF16);
  const absl::Status status = Decoder::Create(*half, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(absl::StrContains(status.message(),
                                "the CUDA backend cannot do products of weights in F16 for llama: "
                                "there is no such library, or use --device cpu"))
      << status;
}

TEST(DeviceMemory, AsManyLayersAsFit) {
  const std::unique_ptr<Model> model = OpenModel("kjv_llama", "testdata/kjv-llama");
  const auto weights = FindWeights(*model);
  ASSERT_TRUE(weights.ok()) << weights.status();
  const ModelConfig& config = model->config();
  CacheOptions cache;
  cache.context = 128;
  GgufCudaDevice device = {};
  device.num_processors = 100;
  const auto fit = [&](uint64_t free_bytes) {
    device.free_bytes = free_bytes;
    return MostDeviceLayers(config, *weights, cache, 64, device);
  };
  uint64_t all = (uint64_t{256} << 20) + BufferSizesOf(config, *weights, 64, 100).total() * 4;
  EXPECT_EQ(fit(all), 0u);
  for (uint32_t count = 1; count < config.num_layers; ++count) {
    all += DeviceLayerBytes(config, *weights, config.num_layers - count, cache);
    EXPECT_EQ(fit(all - 1), count - 1);
    EXPECT_EQ(fit(all), count);
  }
  all += DeviceLayerBytes(config, *weights, 0, cache) + DeviceOutputBytes(*weights);
  EXPECT_EQ(fit(all - 1), config.num_layers - 1);
  EXPECT_EQ(fit(all), config.num_layers);
}

}  // namespace
}  // namespace gguf
