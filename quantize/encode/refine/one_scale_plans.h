// The trials of Q4_0 and Q5_0 at each effort.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_PLANS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_PLANS_H_

#include "quantize/encode/refine/one_scale.h"

namespace gguf {

struct OneScalePlans {
  TrialPlan plain;
  TrialPlan weighted;

  const TrialPlan& For(const float* weights) const { return weights != nullptr ? weighted : plain; }
};

// Importance spreads over orders of magnitude: where a block's largest value has little, much
// smaller scales than the largest value needs are best.
constexpr OneScalePlans StandardPlans() {
  OneScalePlans plans;
  plans.plain.Add(0.92f, 0.03f, 9, 1.0f);
  plans.plain.polish = false;
  plans.weighted.Add(0.6f, 0.05f, 20, 1.0f);
  plans.weighted.Add(0.95f, 0.05f, 13, -1.0f);
  plans.weighted.Add(1.6f, 0.15f, 10, 1.0f);
  plans.weighted.Add(1.6f, 0.15f, 10, -1.0f);
  plans.weighted.AddDetails(0.01f, 2);
  return plans;
}

constexpr OneScalePlans MaxPlans() {
  OneScalePlans plans;
  plans.plain.Add(0.6f, 0.02f, 45, 1.0f);
  plans.plain.Add(0.94f, 0.02f, 28, -1.0f);
  plans.plain.AddDetails(0.004f, 4);
  plans.weighted.Add(0.5f, 0.025f, 40, 1.0f);
  plans.weighted.Add(0.95f, 0.025f, 22, -1.0f);
  plans.weighted.Add(1.5f, 0.1f, 35, 1.0f);
  plans.weighted.Add(1.5f, 0.1f, 35, -1.0f);
  plans.weighted.AddDetails(0.005f, 6);
  return plans;
}

inline constexpr OneScalePlans kStandardPlans = StandardPlans();
inline constexpr OneScalePlans kMaxPlans = MaxPlans();

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_ONE_SCALE_PLANS_H_
