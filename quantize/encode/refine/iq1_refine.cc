#include "quantize/encode/refine/iq1_refine.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gguf/base/float16.h"

namespace gguf {
namespace {

// Passes of one descent; later ones gain next to nothing.
constexpr int kMaxPasses = 4;
// In a pass, relative to what the block takes away from sum w*x*x; less ends the descent.
constexpr double kLeastGain = 1e-5;
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
  // Calls visit(sub-block, run, position in arrays of runs).
  template <class Visit>
  void ForEachRun(Visit visit) const {
    const size_t num_runs = kIq1Runs / shape_.num_sub_blocks;
    for (size_t i = 0; i < num_runs; ++i) {
      for (size_t b = 0; b < shape_.num_sub_blocks; ++b) {
        visit(b, b * num_runs + i, i * shape_.num_sub_blocks + b);
      }
    }
  }

  // Takes the points of the reference as the first sample and their best scales as centers.
  void FindCenters(const Iq1Parts& reference) {
    Iq1Points& points = samples_.points[samples_.count++];
    ForEachRun([&](size_t, size_t run, size_t position) {
      points.halves[0][position] = Iq1HalvesOfRow(reference.rows[run]);
      points.halves[1][position] = points.halves[0][position];
    });
    searches_.fit(runs_, points);
    float qx[kIq1MaxSubBlocks] = {};
    float q2[kIq1MaxSubBlocks] = {};
    ForEachRun([&](size_t b, size_t run, size_t position) {
      const size_t shift = reference.negative[run];
      qx[b] += points.qx[shift][position];
      q2[b] += points.q2[shift][position];
    });
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
    ForEachRun([&](size_t b, size_t, size_t position) { scales[position] = sub_block_scales[b]; });
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
      if (!(last - error > kLeastGain * -error) || fitted == d) return;
      last = error;
      d = fitted;
    }
  }

  void Store(Iq1Parts& parts) const {
    parts.d = F32ToF16(d_);
    for (size_t b = 0; b < shape_.num_sub_blocks; ++b) {
      parts.scale_codes[b] = static_cast<uint8_t>(best_.scale_codes[b]);
    }
    ForEachRun([&](size_t, size_t run, size_t position) {
      const size_t shift = best_.points[position] & 1;
      const Iq1Points& points = samples_.points[best_.points[position] >> 1];
      parts.negative[run] = shift != 0;
      parts.rows[run] = static_cast<uint16_t>(Iq1RowOfHalves(points.halves[shift][position]));
    });
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

// Values and weights in the order of positions.
template <size_t kSubBlocks>
void FillRuns(const float* x, const float* w, Iq1Runs& runs) {
  constexpr size_t kValues = kIq1Runs * kIq1RunValues / kSubBlocks;
  for (size_t k = 0; k < kIq1RunValues; ++k) {
    for (size_t i = 0; i < kIq1Runs / kSubBlocks; ++i) {
      const size_t from = i * kIq1RunValues + k;
      const size_t to = k * kIq1Runs + i * kSubBlocks;
      for (size_t b = 0; b < kSubBlocks; ++b) {
        runs.x[to + b] = x[b * kValues + from];
        runs.w[to + b] = w[b * kValues + from] + 0.0f;  // -0 becomes 0
      }
    }
  }
}

// False for NaN too.
bool InRange(const float* x, const float* w) {
  bool in_range = true;
  for (size_t i = 0; i < kIq1Runs * kIq1RunValues; ++i) {
    in_range &= std::fabs(x[i]) <= kIq1LargestValue;
    in_range &= w[i] <= kIq1LargestWeight;
  }
  return in_range;
}

}  // namespace

bool RefineIq1(const Iq1Shape& shape, const Iq1Plan& plan, const Iq1Searches& searches,
               const float* x, const float* w, Iq1Parts& parts) {
  const float d = F16ToF32(parts.d);
  if (!(d > 0.0f && std::isfinite(d)) || !InRange(x, w)) return false;
  Iq1Runs runs;
  if (shape.num_sub_blocks == kIq1_SShape.num_sub_blocks) {
    FillRuns<kIq1_SShape.num_sub_blocks>(x, w, runs);
  } else {
    FillRuns<kIq1_MShape.num_sub_blocks>(x, w, runs);
  }
  return Search(shape, plan, searches, runs, parts).Run(parts);
}

}  // namespace gguf
