#include "tools/advice/advise.h"

#include <string>

#include "gtest/gtest.h"
#include "tools/advice/model_shape.h"

namespace gguf {
namespace {

constexpr double kGibibyte = 1 << 30;

ModelFacts FactsOf(absl::string_view name) {
  return *DescribeModel(*OpenShape(*FindShapes(name).front()), /*may_have_importance=*/true);
}

AdviceRequest Request(double gibibytes, uint64_t context) {
  AdviceRequest request;
  request.memory = static_cast<uint64_t>(gibibytes * kGibibyte);
  request.context.context = context;
  return request;
}

std::string Show(const ModelFacts& facts, const Advice& advice, size_t priority) {
  const Fit& fit = advice.fits[advice.best[priority]];
  return absl::StrCat(facts.options[fit.option].type, " ", NameOf(advice.caches[fit.cache].keys));
}

struct Case {
  const char* model;
  double gibibytes;
  uint64_t context;
  const char *quality, *balanced, *speed;  // type of weights and of the cache
  double quality_gibibytes;                // that the first needs
};

// Computed by hand. Headroom is 0.5 GiB: the budget is what is given less that. Figures in GiB:
// weights + cache + buffers. Weights of Llama-3.1: bits per weight x 8.030 (70.554) billion / 8,
// with llama.cpp's published 16.0005, 8.5008, 6.5633, 5.7036, 4.8944 for BF16, Q8_0, Q6_K, Q5_K_M,
// Q4_K_M of 8B: 14.96, 7.95, 6.14, 5.33, 4.58, and 4.135 for IQ4_XS (4.14 in its list of
// measurements), 4.018 for Q3_K_L. Cache of 8B: 8192 cells x 32 layers x 2 x 8 x 128 values x 2
// bytes = 1, q8_0 34/64 and q4_0 18/64 of that. Buffers of 8B: 512 x (128256 + 4096) x 4 + 512 x
// 8192 x 2 bytes = 0.260.
constexpr Case kCases[] = {
    // 5.5: Q5_K_M 5.33 + q4_0 0.28 + 0.26 = 5.87 is too much; Q4_K_M f16 4.58 + 1 + 0.26 = 5.84
    // too,
    // q8_0 4.58 + 0.53 + 0.26 = 5.37 is not and loses 0.0282 + 0.0008, less than IQ4_XS (0.0363).
    {"Llama-3.1-8B", 6, 8192, "Q4_K_M Q8_0", "Q4_K_M Q8_0", "IQ4_XS F16", 5.367},
    // 7.5: Q6_K 6.14 + 1 + 0.26 = 7.40.
    {"Llama-3.1-8B", 8, 8192, "Q6_K F16", "Q5_K_M F16", "IQ4_XS F16", 7.396},
    // 7.5, cache 4, 2.125, 1.125, buffers 0.284: Q5_K_M q8_0 7.74 is too much; with q4_0 6.74 it
    // loses
    // more than Q4_K_M with q8_0, 4.58 + 2.125 + 0.284 = 6.98. IQ4_XS f16 is 8.4, q8_0 6.54.
    {"Llama-3.1-8B", 8, 32768, "Q4_K_M Q8_0", "Q4_K_M Q8_0", "IQ4_XS Q8_0", 6.984},
    // 5.5: IQ4_XS q4_0 4.135 + 1.125 + 0.284 = 5.54 is too much, Q3_K_L q4_0 4.018 + 1.41 = 5.43
    // not.
    {"Llama-3.1-8B", 6, 32768, "Q3_K_L Q4_0", "Q3_K_L Q4_0", "Q3_K_L Q4_0", 5.427},
    // 11.5: Q8_0 7.95 + 1 + 0.26 = 9.21; BF16 does not fit.
    {"Llama-3.1-8B", 12, 8192, "Q8_0 F16", "Q5_K_M F16", "IQ4_XS F16", 9.207},
    // 23.5: BF16 14.96 + 1 + 0.26 = 16.22.
    {"Llama-3.1-8B", 24, 8192, "BF16 F16", "Q5_K_M F16", "IQ4_XS F16", 16.218},

    // Gemma 3 27B: 62 layers of 412.9 million weights, 262208 x 5376 tied embeddings, which IQ4_XS
    // keeps in Q6_K: 25.598e9 x 4.25 / 8 + 1.4096e9 x 6.5625 / 8 + norms 5.4e6 bytes = 13.747.
    // Cache: 10 layers x 8192 cells + 52 x 1536, x 8192 bytes = 1.234. Buffers:
    // 512 x (262208 + 5376) x 4 + 512 x 8192 x 2 = 0.518.
    // 15.5: 13.747 + 1.234 + 0.518 = 15.4997, with 0.3 MiB to spare. Q4_K_S needs the q4_0 cache.
    {"Gemma-3-27B", 16, 8192, "IQ4_XS F16", "IQ4_XS F16", "IQ4_XS F16", 15.500},
    // 23.5, cache 10 x 32768 + 52 x 1536 cells = 3.109, q8_0 1.652; buffers 0.542. Q6_K:
    // 27.008e9 x 6.5625 / 8 = 20.633 + norms 0.005; f16 24.3 is too much, q8_0 22.83 is not.
    {"Gemma-3-27B", 24, 32768, "Q6_K Q8_0", "Q5_K_M F16", "IQ4_XS F16", 22.832},
    // 79.5, 131072 tokens: 10 x 131072 + 52 x 1536 cells = 10.609; buffers 0.635; BF16 50.31.
    {"Gemma-3-27B", 80, 131072, "BF16 F16", "Q5_K_M F16", "IQ4_XS F16", 61.556},

    // 70B: cache 8192 x 80 x 2 x 8 x 128 x 2 = 2.5, q8_0 1.328, q4_0 0.703; buffers 0.268. Sizes of
    // published files: IQ2_S 22.23, IQ2_M 24.11, IQ4_XS 37.89, Q4_K_S 40.34, Q4_K_M 42.51, Q5_K_M
    // 49.94, Q8_0 74.97 GB.
    // 23.5: IQ2_M 22.455 + q4_0 0.703 + 0.268 = 23.43 loses less (0.33) than IQ2_S with f16 (0.44).
    {"Llama-3.1-70B", 24, 8192, "IQ2_M Q4_0", "IQ2_M Q4_0", "IQ2_M Q4_0", 23.426},
    // 39.5: Q4_K_M 39.593 alone is too much; Q4_K_S 37.569 + q8_0 1.328 + 0.268 = 39.17.
    {"Llama-3.1-70B", 40, 8192, "Q4_K_S Q8_0", "Q4_K_S Q8_0", "IQ4_XS F16", 39.165},
    // 47.5, cache 10, 5.3125, 2.8125, buffers 0.292: Q4_K_M 39.593 + 5.3125 + 0.292 = 45.2.
    {"Llama-3.1-70B", 48, 32768, "Q4_K_M Q8_0", "Q4_K_M Q8_0", "IQ4_XS F16", 45.197},
    // 79.5: Q8_0 69.819 + 2.5 + 0.268 = 72.59.
    {"Llama-3.1-70B", 80, 8192, "Q8_0 F16", "Q5_K_M F16", "IQ4_XS F16", 72.587},

    // gpt-oss: experts stay MXFP4, 24 x 32 x 3 x 2880 x 2880 x 4.25 / 8 bytes = 9.455; other
    // matrices
    // 1.795e9, norms, routers and biases in F32 0.034. Cache f16 only: 12 layers x 8192 cells + 12
    // x
    // 768, x 2048 bytes = 0.205. Buffers 512 x (201088 + 2880) x 4 + 8 MiB = 0.397.
    // 15.5: BF16 9.455 + 3.344 + 0.034 + 0.205 + 0.397 = 13.43: it loses nothing.
    {"gpt-oss-20B", 16, 8192, "BF16 F16", "Q5_K_M F16", "IQ4_XS F16", 13.435},
    // 15.5, cache 12 x 131072 + 12 x 768 cells = 3.018, buffers 0.514: BF16 16.4 is too much; Q8_0
    // 9.455 + 1.777 + 0.034 + 3.018 + 0.514 = 14.80.
    {"gpt-oss-20B", 16, 131072, "Q8_0 F16", "Q5_K_M F16", "IQ4_XS F16", 14.797},
    // 79.5: 36 x 128 x 3 x 2880 x 2880 x 4.25 / 8 = 56.731; 2.114e9 x 2 bytes = 3.937; F32 0.199;
    // cache 18 x 131072 + 18 x 768 cells = 4.526; buffers 0.514.
    {"gpt-oss-120B", 80, 131072, "BF16 F16", "Q5_K_M F16", "IQ4_XS F16", 65.908},
    // 59.5: BF16 60.87 is too much for itself; of the others only 2.114e9 weights change. Q8_0:
    // 56.731 + 2.092 + 0.199 + 0.308 + 0.397 = 59.73 is too much.
    {"gpt-oss-120B", 60, 8192, "Q5_K_M F16", "Q5_K_M F16", "IQ4_XS F16", 59.263},
};

TEST(Advise, KnownCases) {
  for (const Case& test : kCases) {
    SCOPED_TRACE(absl::StrCat(test.model, " ", test.gibibytes, " GiB ", test.context));
    const ModelFacts facts = FactsOf(test.model);
    const absl::StatusOr<Advice> advice = Advise(facts, Request(test.gibibytes, test.context));
    ASSERT_TRUE(advice.ok()) << advice.status();
    ASSERT_EQ(advice->best.size(), 3);
    EXPECT_EQ(Show(facts, *advice, 0), test.quality);
    EXPECT_EQ(Show(facts, *advice, 1), test.balanced);
    EXPECT_EQ(Show(facts, *advice, 2), test.speed);
    const Fit& fit = advice->fits[advice->best[0]];
    EXPECT_NEAR(fit.need.total() / kGibibyte, test.quality_gibibytes, 0.002);
    EXPECT_EQ(fit.spare, static_cast<int64_t>(advice->budget - fit.need.total()));
  }
}

// What would not fit, and by how much.
TEST(Advise, NothingFits) {
  // 70B in 12 GiB: IQ1_S 15.336e9 bytes = 14.282 + q4_0 0.703 + 0.268 = 15.254; 11.5 are there.
  const struct {
    const char* model;
    double gibibytes, least;
  } cases[] = {{"Llama-3.1-70B", 12, 15.754}, {"gpt-oss-20B", 8, 11.480}, {"Llama-3.1-8B", 0.4, 0}};
  for (const auto& test : cases) {
    const ModelFacts facts = FactsOf(test.model);
    const AdviceRequest request = Request(test.gibibytes, 8192);
    const absl::StatusOr<Advice> advice = Advise(facts, request);
    ASSERT_TRUE(advice.ok()) << advice.status();
    EXPECT_TRUE(advice->best.empty());
    for (const Fit& fit : advice->fits) EXPECT_LT(fit.spare, 0);
    const uint64_t least = LeastMemory(*advice, request);
    if (test.least > 0) {
      EXPECT_NEAR(least / kGibibyte, test.least, 0.002);
    }
    AdviceRequest enough = request;
    enough.memory = least;
    EXPECT_FALSE(Advise(facts, enough)->best.empty());
    enough.memory = least - 1;
    EXPECT_TRUE(Advise(facts, enough)->best.empty());
  }
}

TEST(Advise, GivenCachesAreUsed) {
  const ModelFacts facts = FactsOf("Llama-3.1-8B");
  AdviceRequest request = Request(24, 8192);
  request.key_type = TensorType::kQ8_0;  // values stay f16
  const absl::StatusOr<Advice> advice = Advise(facts, request);
  ASSERT_TRUE(advice.ok()) << advice.status();
  ASSERT_EQ(advice->caches.size(), 1);
  EXPECT_EQ(advice->caches[0].bytes, (272 + 512) << 20);
  EXPECT_EQ(advice->fits[advice->best[0]].divergence, 0.000755);
  EXPECT_TRUE(advice->warnings.empty());
}

TEST(Advise, CachesWithoutFigureAreTakenButHaveNoLoss) {
  const ModelFacts facts = FactsOf("Llama-3.1-8B");
  AdviceRequest request = Request(8, 8192);
  request.key_type = request.value_type = TensorType::kQ4_1;
  const absl::StatusOr<Advice> advice = Advise(facts, request);
  ASSERT_TRUE(advice.ok()) << advice.status();
  EXPECT_EQ(advice->fits[advice->best[0]].divergence, -1);
  EXPECT_EQ(Show(facts, *advice, 0), "Q6_K Q4_1");
}

TEST(Advise, SinksAndCapsKeepTheCacheInF16) {
  for (const char* name : {"gpt-oss-20B", "Gemma-2-9B"}) {
    const absl::StatusOr<Advice> advice = Advise(FactsOf(name), Request(80, 4096));
    ASSERT_TRUE(advice.ok()) << advice.status();
    ASSERT_EQ(advice->caches.size(), 1) << name;
    EXPECT_EQ(advice->caches[0].keys, TensorType::kF16);
  }
  AdviceRequest request = Request(80, 4096);
  request.key_type = request.value_type = TensorType::kQ8_0;
  const absl::StatusOr<Advice> sinks = Advise(FactsOf("gpt-oss-20B"), request);
  ASSERT_TRUE(sinks.ok()) << sinks.status();
  EXPECT_EQ(sinks->caches[0].keys, TensorType::kF16);
  ASSERT_EQ(sinks->warnings.size(), 1);
  EXPECT_NE(sinks->warnings[0].find("sinks"), std::string::npos);
  const absl::StatusOr<Advice> caps = Advise(FactsOf("Gemma-2-9B"), request);
  ASSERT_TRUE(caps.ok()) << caps.status();
  EXPECT_EQ(caps->caches[0].keys, TensorType::kQ8_0);  // llama.cpp can
  EXPECT_EQ(caps->warnings.size(), 1);
}

TEST(Advise, HeadsThatBlocksDoNotDivide) {
  const ModelFacts facts = *DescribeCustom({7e9, 32, 32, 80, 0, 0}, true);
  const absl::StatusOr<Advice> advice = Advise(facts, Request(24, 4096));
  ASSERT_TRUE(advice.ok()) << advice.status();
  EXPECT_EQ(advice->caches.size(), 1);
  AdviceRequest request = Request(24, 4096);
  request.key_type = TensorType::kQ8_0;
  EXPECT_NE(Advise(facts, request).status().message().find("head size 80"), std::string::npos);
}

TEST(Advise, WarnsWhenTheBestIsPoor) {
  const ModelFacts facts = FactsOf("Llama-3.1-70B");
  EXPECT_TRUE(Advise(facts, Request(48, 8192))->warnings.empty());
  const absl::StatusOr<Advice> advice = Advise(facts, Request(24, 8192));
  ASSERT_EQ(advice->warnings.size(), 1);
  // 2.369 of 6.2316
  EXPECT_EQ(advice->warnings[0],
            "even the best that fits, IQ2_M, is expected to raise perplexity by 38 %: a smaller "
            "model in a larger type may serve better");
}

TEST(Advise, WarnsOfLongContexts) {
  const ModelFacts facts = FactsOf("Gemma-2-9B");
  EXPECT_TRUE(Advise(facts, Request(80, 8192))->warnings.empty());
  const absl::StatusOr<Advice> advice = Advise(facts, Request(80, 8193));
  ASSERT_EQ(advice->warnings.size(), 1);
  EXPECT_EQ(advice->warnings[0], "the model was trained for 8192 tokens, and -c asks for 8193");
}

}  // namespace
}  // namespace gguf
