#include "quantize/encode/refine/iq1_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>

// foreach_target includes this file again once for every instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quantize/encode/refine/iq1_choice.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

// Scalar parts, once for all instruction sets.
#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_CHOICE_ONCE
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_CHOICE_ONCE
namespace gguf {
namespace {

// Sets qx and q2 of `choice` by its points.
void SumChosenPoints(const Iq1Shape& shape, const Iq1Samples& samples, Iq1Choice& choice) {
  std::fill(choice.qx, choice.qx + kIq1MaxSubBlocks, 0.0f);
  std::fill(choice.q2, choice.q2 + kIq1MaxSubBlocks, 0.0f);
  for (size_t first = 0; first < kIq1Runs; first += shape.num_sub_blocks) {
    for (size_t b = 0; b < shape.num_sub_blocks; ++b) {
      const int32_t point = choice.points[first + b];
      const Iq1Points& sample = samples.points[point >> 1];
      choice.qx[b] += sample.qx[point & 1][first + b];
      choice.q2[b] += sample.q2[point & 1][first + b];
    }
  }
}

}  // namespace
}  // namespace gguf
#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_REFINE_IQ1_CHOICE_ONCE

HWY_BEFORE_NAMESPACE();
namespace gguf {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One sub-block per lane; never more lanes than IQ1_S has sub-blocks.
using SubBlockTag = hn::CappedTag<float, 8>;
inline constexpr size_t kMaxSubBlockLanes = 8;
inline constexpr size_t kMaxRuns = 4;  // of a sub-block

// Run i of the sub-blocks of a vector at [i * kMaxSubBlockLanes].
struct RunPoints {
  HWY_ALIGN int32_t points[kMaxRuns * kMaxSubBlockLanes];
};

// The points of least error at `scale` among all samples with the shifts from first_shift to
// last_shift, of the runs `run`, run + stride, ...; returns the sums of errors.
template <size_t kRuns>
HWY_INLINE hn::Vec<SubBlockTag> NearestSamples(SubBlockTag df, const Iq1Samples& samples,
                                               size_t first_shift, size_t last_shift, size_t run,
                                               size_t stride, hn::Vec<SubBlockTag> scale,
                                               RunPoints& nearest) {
  const hn::RebindToSigned<SubBlockTag> di;
  auto sum = hn::Zero(df);
  for (size_t i = 0; i < kRuns; ++i, run += stride) {
    auto least = hn::Set(df, hwy::HighestValue<float>());
    auto best = hn::Zero(di);
    for (size_t shift = first_shift; shift <= last_shift; ++shift) {
      for (size_t n = 0; n < samples.count; ++n) {
        const auto qx = hn::LoadU(df, samples.points[n].qx[shift] + run);
        const auto q2 = hn::LoadU(df, samples.points[n].q2[shift] + run);
        const auto error = hn::Mul(hn::Sub(hn::Mul(scale, q2), hn::Add(qx, qx)), scale);
        const auto less = hn::Lt(error, least);
        least = hn::IfThenElse(less, error, least);
        best = hn::IfThenElse(hn::RebindMask(di, less),
                              hn::Set(di, static_cast<int32_t>(n * 2 + shift)), best);
      }
    }
    sum = hn::Add(sum, least);
    hn::StoreU(best, di, nearest.points + i * kMaxSubBlockLanes);
  }
  return sum;
}

// ChooseIq1 of the sub-blocks b to b + Lanes(df).
template <size_t kRuns, bool kShiftPerRun>
HWY_INLINE void ChooseLanes(SubBlockTag df, const Iq1Samples& samples,
                            const float* HWY_RESTRICT centers, float d, size_t num_codes, size_t b,
                            Iq1Choice& choice) {
  const hn::RebindToSigned<SubBlockTag> di;
  constexpr size_t kSubBlocks = kIq1Runs / kRuns;
  constexpr size_t kGroups = kShiftPerRun ? 1 : 2;  // of shifts that all runs have in common
  const auto half = hn::Set(df, 0.5f);
  const auto below = hn::Set(df, 0.5f * (static_cast<float>(num_codes) - 2.0f));
  const auto ratio = hn::Div(hn::LoadU(df, centers + b), hn::Set(df, d));
  const auto lowest = hn::Sub(hn::Mul(hn::Sub(ratio, hn::Set(df, 1.0f)), half), below);
  const auto last = hn::Set(df, static_cast<float>(kIq1ScaleCodes - num_codes));
  const auto start = hn::Min(hn::Max(hn::Floor(lowest), hn::Zero(df)), last);
  auto least = hn::Set(df, hwy::HighestValue<float>());
  auto code = start, best_code = start;
  RunPoints best = {}, trial;
  for (size_t c = 0; c < num_codes; ++c) {
    const auto odd = hn::Add(hn::Add(code, code), hn::Set(df, 1.0f));
    const auto scale = hn::Mul(hn::Set(df, d), odd);
    for (size_t group = 0; group < kGroups; ++group) {
      const size_t last_shift = kShiftPerRun ? 1 : group;
      const auto error =
          NearestSamples<kRuns>(df, samples, group, last_shift, b, kSubBlocks, scale, trial);
      const auto less = hn::Lt(error, least);
      const auto less_int = hn::RebindMask(di, less);
      least = hn::IfThenElse(less, error, least);
      best_code = hn::IfThenElse(less, code, best_code);
      for (size_t i = 0; i < kRuns * kMaxSubBlockLanes; i += kMaxSubBlockLanes) {
        hn::StoreU(hn::IfThenElse(less_int, hn::LoadU(di, trial.points + i),
                                  hn::LoadU(di, best.points + i)),
                   di, best.points + i);
      }
    }
    code = hn::Add(code, hn::Set(df, 1.0f));
  }
  for (size_t i = 0; i < kRuns; ++i) {
    hn::StoreU(hn::LoadU(di, best.points + i * kMaxSubBlockLanes), di,
               choice.points + i * kSubBlocks + b);
  }
  hn::StoreU(hn::ConvertTo(di, best_code), di, choice.scale_codes + b);
}

void ChooseIq1Impl(const Iq1Shape& shape, const Iq1Samples& samples,
                   const float* HWY_RESTRICT centers, float d, size_t num_codes,
                   Iq1Choice& choice) {
  const SubBlockTag df;
  for (size_t b = 0; b < shape.num_sub_blocks; b += hn::Lanes(df)) {
    if (shape.shift_per_run) {
      ChooseLanes<2, true>(df, samples, centers, d, num_codes, b, choice);
    } else {
      ChooseLanes<4, false>(df, samples, centers, d, num_codes, b, choice);
    }
  }
  SumChosenPoints(shape, samples, choice);
}

}  // namespace HWY_NAMESPACE
}  // namespace gguf
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gguf {
namespace {

// A run's sample of least error among some shifts.
struct RunChoice {
  float error = std::numeric_limits<float>::max();
  int32_t point = 0;
};

RunChoice NearestSample(const Iq1Samples& samples, size_t first_shift, size_t last_shift,
                        size_t run, float scale) {
  RunChoice best;
  for (size_t shift = first_shift; shift <= last_shift; ++shift) {
    for (size_t n = 0; n < samples.count; ++n) {
      const float qx = samples.points[n].qx[shift][run];
      const float q2 = samples.points[n].q2[shift][run];
      const float error = (scale * q2 - (qx + qx)) * scale;
      if (error < best.error) best = {error, static_cast<int32_t>(n * 2 + shift)};
    }
  }
  return best;
}

}  // namespace

int32_t FirstIq1Code(float center, float d, size_t num_codes) {
  const float below = 0.5f * (static_cast<float>(num_codes) - 2.0f);
  const float lowest = (center / d - 1.0f) * 0.5f - below;
  const float last = static_cast<float>(kIq1ScaleCodes - num_codes);
  return static_cast<int32_t>(std::min(std::max(std::floor(lowest), 0.0f), last));
}

void ChooseIq1Scalar(const Iq1Shape& shape, const Iq1Samples& samples, const float* centers,
                     float d, size_t num_codes, Iq1Choice& choice) {
  const size_t num_runs = kIq1Runs / shape.num_sub_blocks;
  const size_t num_groups = shape.shift_per_run ? 1 : 2;  // of shifts that all runs have in common
  for (size_t b = 0; b < shape.num_sub_blocks; ++b) {
    const int32_t first = FirstIq1Code(centers[b], d, num_codes);
    float least = std::numeric_limits<float>::max();
    RunChoice best[4];
    choice.scale_codes[b] = first;
    for (size_t c = 0; c < num_codes; ++c) {
      const float scale = d * static_cast<float>(2 * (first + c) + 1);
      for (size_t group = 0; group < num_groups; ++group) {
        RunChoice trial[4];
        float error = 0.0f;
        for (size_t i = 0; i < num_runs; ++i) {
          trial[i] = NearestSample(samples, group, shape.shift_per_run ? 1 : group,
                                   i * shape.num_sub_blocks + b, scale);
          error += trial[i].error;
        }
        if (!(error < least)) continue;
        least = error;
        choice.scale_codes[b] = static_cast<int32_t>(first + c);
        std::copy(trial, trial + num_runs, best);
      }
    }
    for (size_t i = 0; i < num_runs; ++i) {
      choice.points[i * shape.num_sub_blocks + b] = best[i].point;
    }
  }
  SumChosenPoints(shape, samples, choice);
}

HWY_EXPORT(ChooseIq1Impl);

void ChooseIq1(const Iq1Shape& shape, const Iq1Samples& samples, const float* centers, float d,
               size_t num_codes, Iq1Choice& choice) {
  HWY_DYNAMIC_DISPATCH(ChooseIq1Impl)(shape, samples, centers, d, num_codes, choice);
}

}  // namespace gguf
#endif  // HWY_ONCE
