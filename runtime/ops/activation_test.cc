#include "runtime/ops/activation.h"

#include <cmath>
#include <vector>

#include "runtime/ops/testing.h"

namespace gguf {
namespace {

using ActivationTest = TargetTest;

constexpr Activation kActivations[] = {Activation::kSilu, Activation::kGeluTanh,
                                       Activation::kGeluErf, Activation::kClampedSwiglu};

TEST_P(ActivationTest, EqualsReferenceForAllLengths) {
  for (const Activation activation : kActivations) {
    for (size_t n = 0; n < 70; ++n) {
      std::vector<float> expected = RandomValues(n + 1, n, 5.0f);
      const std::vector<float> up = RandomValues(n + 1, n + 500, 5.0f);
      std::vector<float> actual = expected;
      ActivateReference(activation, expected.data(), up.data(), n);
      Activate(activation, actual.data(), up.data(), n);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_NEAR(actual[i], expected[i], 3e-6 * (1 + std::abs(expected[i])));
      }
      ASSERT_EQ(actual[n], expected[n]) << "written behind the end";
    }
  }
}

TEST_P(ActivationTest, LargeValuesStayFinite) {
  for (const Activation activation : kActivations) {
    for (const float x : {-1e4f, -200.0f, -90.0f, 90.0f, 200.0f, 1e4f}) {
      std::vector<float> gate(20, x);
      const std::vector<float> up(20, 2.0f);
      std::vector<float> expected = gate;
      ActivateReference(activation, expected.data(), up.data(), 20);
      Activate(activation, gate.data(), up.data(), 20);
      for (size_t i = 0; i < 20; ++i) {
        EXPECT_NEAR(gate[i], expected[i], 1e-6 * std::abs(expected[i]) + 1e-30) << x;
      }
    }
  }
}

TEST_P(ActivationTest, SoftCap) {
  for (size_t n = 0; n < 40; ++n) {
    std::vector<float> expected = RandomValues(n, n, 60.0f);
    std::vector<float> actual = expected;
    SoftCapReference(30.0f, expected.data(), n);
    SoftCap(30.0f, actual.data(), n);
    for (size_t i = 0; i < n; ++i) EXPECT_NEAR(actual[i], expected[i], 1e-5);
  }
}

TEST_P(ActivationTest, KnownValues) {
  float gate = 1.0f, up = 3.0f;
  Activate(Activation::kSilu, &gate, &up, 1);
  EXPECT_NEAR(gate, 3 * 0.7310586f, 1e-6);
  gate = 1.0f;
  Activate(Activation::kGeluTanh, &gate, &up, 1);
  EXPECT_NEAR(gate, 3 * 0.8411920f, 2e-6);
  gate = 1.0f;
  Activate(Activation::kGeluErf, &gate, nullptr, 1);
  EXPECT_NEAR(gate, 0.8413447f, 1e-6);
  gate = 9.0f;
  up = -9.0f;
  Activate(Activation::kClampedSwiglu, &gate, &up, 1);
  EXPECT_NEAR(gate, 7.0f / (1 + std::exp(-1.702f * 7)) * -6.0f, 1e-4);
}

GGUF_INSTANTIATE_FOR_TARGETS(ActivationTest);

}  // namespace
}  // namespace gguf
