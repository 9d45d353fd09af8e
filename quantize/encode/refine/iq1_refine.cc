#include "quantize/encode/refine/iq1_refine.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gguf/base/float16.h"

namespace gguf {
namespace {

// Passes of one descent; later ones gain next to nothing.
constexpr int kMaxPasses = 4;
// Codes for which a round finds points: those around the scale that fits best.
constexpr size_t kRoundCodes = 2;
// Bounds scales as iq1_points.h asks: 65504 times 15 is less.
constexpr float kLargestScale = 0x1p20f;

class Search {
 public:
  Search(const Iq1Shape& shape, const Iq1Plan& plan, const Iq1Searches& searches,
         const Iq1Runs& runs, const Iq1Parts& reference)
      : shape_(shape), plan_(plan), searches_(searches), runs_(runs) {
    d_ = F16ToF32(reference.d);
    FindCenters(reference);
  }

  // False when nothing was found.
  bool Run(Iq1Parts& parts) {
    const float reference_d = d_;
    for (const float ratio : plan_.sample_ratios) AddSample(ratio);
    for (const float start : plan_.starts) Descend(reference_d * start);
    for (size_t round = 0; round < plan_.num_rounds && found_; ++round) {
      if (!AddRound()) break;
    }
    if (found_) Store(parts);
    return found_;
  }

 private:
  size_t RunOf(size_t position) const {
    const size_t i = position / shape_.num_sub_blocks;
    const size_t b = position % shape_.num_sub_blocks;
    return b * (kIq1Runs / shape_.num_sub_blocks) + i;
  }

  // The best scales of the sub-blocks for the points of the reference.
  void FindCenters(const Iq1Parts& reference) {
    float qx[kIq1MaxSubBlocks] = {};
    float q2[kIq1MaxSubBlocks] = {};
    for (size_t p = 0; p < kIq1Runs; ++p) {
      const size_t run = RunOf(p);
      float run_qx, run_q2;
      FitIq1Run(runs_, p, reference.negative[run], Iq1HalvesOfRow(reference.rows[run]), run_qx,
                run_q2);
      qx[p % shape_.num_sub_blocks] += run_qx;
      q2[p % shape_.num_sub_blocks] += run_q2;
    }
    for (size_t b = 0; b < shape_.num_sub_blocks; ++b) {
      centers_[b] = d_ * static_cast<float>(2 * reference.scale_codes[b] + 1);
    }
    MoveCenters(qx, q2);
  }

  void MoveCenters(const float* qx, const float* q2) {
    for (size_t b = 0; b < shape_.num_sub_blocks; ++b) {
      if (qx[b] > 0.0f && q2[b] > 0.0f) centers_[b] = std::min(qx[b] / q2[b], kLargestScale);
    }
  }

  void AddPoints(const float* sub_block_scales) {
    float scales[kIq1Runs];
    for (size_t p = 0; p < kIq1Runs; ++p) scales[p] = sub_block_scales[p % shape_.num_sub_blocks];
    searches_.nearest(runs_, scales, samples_.points[samples_.count++]);
  }

  void AddSample(float ratio) {
    float scales[kIq1MaxSubBlocks];
    for (size_t b = 0; b < shape_.num_sub_blocks; ++b) scales[b] = centers_[b] * ratio;
    AddPoints(scales);
  }

  // Points at the scales that the best block could have; false when they made it no better.
  bool AddRound() {
    if (samples_.count + kRoundCodes > Iq1Samples::kMax) return false;
    MoveCenters(best_.qx, best_.q2);
    for (size_t c = 0; c < kRoundCodes; ++c) {
      float scales[kIq1MaxSubBlocks];
      for (size_t b = 0; b < shape_.num_sub_blocks; ++b) {
        const int32_t code = FirstIq1Code(centers_[b], d_, kRoundCodes) + static_cast<int32_t>(c);
        scales[b] = d_ * static_cast<float>(2 * code + 1);
      }
      AddPoints(scales);
    }
    const double before = error_;
    Descend(d_);
    return error_ < before;
  }

  // Chooses everything for d, fits d to the choice, and so on while that helps.
  void Descend(float d) {
    double last = std::numeric_limits<double>::max();
    for (int pass = 0; pass < kMaxPasses; ++pass) {
      Iq1Choice choice;
      searches_.choose(shape_, samples_, centers_, d, plan_.num_codes, choice);
      double qx = 0.0, q2 = 0.0;
      for (size_t b = 0; b < shape_.num_sub_blocks; ++b) {
        const double factor = 2 * choice.scale_codes[b] + 1;
        qx += factor * choice.qx[b];
        q2 += factor * factor * choice.q2[b];
      }
      if (!(qx > 0.0 && q2 > 0.0)) return;
      const float fitted = F16ToF32(F32ToF16(static_cast<float>(qx / q2)));
      if (!(fitted > 0.0f && std::isfinite(fitted))) return;
      const double error = fitted * (fitted * q2 - 2.0 * qx);
      if (error < error_) {
        found_ = true;
        error_ = error;
        d_ = fitted;
        best_ = choice;
      }
      if (!(error < last) || fitted == d) return;
      last = error;
      d = fitted;
    }
  }

  void Store(Iq1Parts& parts) const {
    parts.d = F32ToF16(d_);
    for (size_t b = 0; b < shape_.num_sub_blocks; ++b) {
      parts.scale_codes[b] = static_cast<uint8_t>(best_.scale_codes[b]);
    }
    for (size_t p = 0; p < kIq1Runs; ++p) {
      const size_t shift = best_.points[p] & 1;
      const int32_t halves = samples_.points[best_.points[p] >> 1].halves[shift][p];
      parts.negative[RunOf(p)] = shift != 0;
      parts.rows[RunOf(p)] = static_cast<uint16_t>(Iq1RowOfHalves(halves));
    }
  }

  const Iq1Shape& shape_;
  const Iq1Plan& plan_;
  const Iq1Searches& searches_;
  const Iq1Runs& runs_;
  float centers_[kIq1MaxSubBlocks];
  Iq1Samples samples_;
  bool found_ = false;
  // Of the best block so far; before the first, d is the reference's. The error is what it is more
  // than sum w*x*x.
  float d_;
  double error_ = std::numeric_limits<double>::max();
  Iq1Choice best_;
};

// Values and weights in the order of positions; false when they are out of range or not numbers.
bool FillRuns(const Iq1Shape& shape, const float* x, const float* w, Iq1Runs& runs) {
  const size_t num_runs = kIq1Runs / shape.num_sub_blocks;
  bool in_range = true;
  for (size_t b = 0; b < shape.num_sub_blocks; ++b) {
    for (size_t i = 0; i < num_runs; ++i) {
      for (size_t k = 0; k < kIq1RunValues; ++k, ++x, ++w) {
        const size_t cell = k * kIq1Runs + i * shape.num_sub_blocks + b;
        runs.x[cell] = *x;
        runs.w[cell] = *w + 0.0f;  // -0 becomes 0
        in_range &= std::fabs(*x) <= kIq1LargestValue && *w <= kIq1LargestWeight;
      }
    }
  }
  return in_range;
}

}  // namespace

bool RefineIq1(const Iq1Shape& shape, const Iq1Plan& plan, const Iq1Searches& searches,
               const float* x, const float* w, Iq1Parts& parts) {
  const float d = F16ToF32(parts.d);
  Iq1Runs runs;
  if (!(d > 0.0f && std::isfinite(d)) || !FillRuns(shape, x, w, runs)) return false;
  return Search(shape, plan, searches, runs, parts).Run(parts);
}

}  // namespace gguf
