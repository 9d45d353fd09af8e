// What the tests of operations share: instruction sets to run on, and random values.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_TESTING_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_TESTING_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hwy/highway.h"

namespace gguf {

// A test that runs once per instruction set of this machine.
class TargetTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { Use(GetParam()); }
  void TearDown() override { Use(0); }

 private:
  static void Use(int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

#define GGUF_INSTANTIATE_FOR_TARGETS(suite)                                   \
  INSTANTIATE_TEST_SUITE_P(                                                   \
      Targets, suite, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), \
      [](const auto& info) { return std::string(hwy::TargetName(info.param)); })

// Normally distributed around 0; the same for the same seed.
inline std::vector<float> RandomValues(size_t count, uint32_t seed, float deviation = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_TESTING_H_
