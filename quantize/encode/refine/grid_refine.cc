#include "quantize/encode/refine/grid_refine.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numeric>

#include "gguf/base/float16.h"

namespace gguf {
namespace {

// v in binary16 and back.
float RoundToF16(float v) { return F16ToF32(F32ToF16(v)); }

constexpr uint32_t kHalfMask = (1u << kHalfBits) - 1;

// A and B of every distinct half of a run; `odd`: B with the sign that costs least turned over.
struct HalfTables {
  float a[kMaxHalves];
  float b[kMaxHalves];
  float odd[kMaxHalves];
};

struct RunTables {
  HalfTables first;
  HalfTables second;
};

// A point for an inverse scale u = 2 / scale; its cost is A - u * B, the error over scale^2.
struct Choice {
  float cost = FLT_MAX;
  uint32_t code = 0;
};

void FillHalf(const std::vector<GridHalves::Half>& halves, const std::vector<float>& values,
              size_t length, const float* w, const float* wx, float twice, HalfTables& tables) {
  for (size_t h = 0; h < halves.size(); ++h) {
    float a[4] = {}, b[4] = {};
    for (size_t k = 0; k < length; ++k) {
      const float q = values[halves[h][k]];
      a[k] = w[k] * (q * q);
      b[k] = wx[k] * q;
    }
    float least = std::min(b[0], b[1]);
    tables.a[h] = a[0] + a[1];
    tables.b[h] = b[0] + b[1];
    if (length == 4) {
      least = std::min(least, std::min(b[2], b[3]));
      tables.a[h] = tables.a[h] + (a[2] + a[3]);
      tables.b[h] = tables.b[h] + (b[2] + b[3]);
    }
    tables.odd[h] = tables.b[h] - twice * least;
  }
}

// The cost of a second half with its number in the lowest bits: the minimum carries it along.
float Labelled(float cost, size_t number) {
  return FloatOf((BitsOf(cost) & ~kHalfMask) | static_cast<uint32_t>(number));
}

void Keep(float cost, size_t first, float label, Choice& choice) {
  if (!(cost < choice.cost)) return;
  choice = {cost, CodeOfHalves(static_cast<uint32_t>(first), BitsOf(label) & kHalfMask)};
}

// The best point of a run with the signs of x, and that with one of the signs turned over.
void SearchRun(const GridHalves& halves, const RunTables& tables, float u, Choice& even,
               Choice& odd) {
  float second[kMaxHalves], second_odd[kMaxHalves];
  for (size_t j = 0; j < halves.second.size(); ++j) {
    second[j] = Labelled(tables.second.a[j] - u * tables.second.b[j], j);
    second_odd[j] = Labelled(tables.second.a[j] - u * tables.second.odd[j], j);
  }
  even = odd = {};
  for (size_t i = 0; i < halves.first.size(); ++i) {
    float least = FLT_MAX, least_odd = FLT_MAX;
    for (size_t m = halves.starts[i]; m < halves.starts[i + 1]; ++m) {
      least = std::min(least, second[halves.members[m]]);
      least_odd = std::min(least_odd, second_odd[halves.members[m]]);
    }
    const float first = tables.first.a[i] - u * tables.first.b[i];
    const float first_odd = tables.first.a[i] - u * tables.first.odd[i];
    Keep(first + least, i, least, even);
    const bool in_first = first_odd + least <= first + least_odd;
    Keep(in_first ? first_odd + least : first + least_odd, i, in_first ? least : least_odd, odd);
  }
}

GridMoments MomentsOfCode(const RunTables& tables, uint32_t code, bool odd) {
  const uint32_t i = FirstHalf(code), j = SecondHalf(code);
  const HalfTables& first = tables.first;
  const HalfTables& second = tables.second;
  const float b = odd ? std::max(first.odd[i] + second.b[j], first.b[i] + second.odd[j])
                      : first.b[i] + second.b[j];
  return {first.a[i] + second.a[j], b};
}

// One sub-block.
struct SubSearch {
  const GridType& type;
  const GridHalves& halves;
  size_t num_runs;
  bool odd[4] = {};  // the number of negative values among every eight
  RunTables runs[kMaxGridSubRuns];

  SubSearch(const GridType& type, const GridHalves& halves, const float* x, const float* weights)
      : type(type), halves(halves), num_runs(type.sub_values / type.run) {
    const size_t length = type.run / 2;
    for (size_t i = 0; i < type.sub_values; ++i) odd[i / 8] ^= type.even_signs && x[i] < 0.0f;
    for (size_t r = 0; r < num_runs; ++r) {
      float wx[8];
      const float* w = weights + r * type.run;
      for (size_t k = 0; k < type.run; ++k) wx[k] = w[k] * std::fabs(x[r * type.run + k]);
      FillHalf(halves.first, halves.values, length, w, wx, 2.0f, runs[r].first);
      FillHalf(halves.second, halves.values, length, w + length, wx + length, 2.0f, runs[r].second);
    }
  }

  // The best points under `scale`.
  GridMoments Search(float scale, uint16_t* codes) const {
    const float u = 2.0f / scale;
    const size_t runs_per_mask = 8 / type.run;
    GridMoments sums = {0.0f, 0.0f};
    for (size_t first = 0; first < num_runs; first += runs_per_mask) {
      Choice even[2], odd_choice[2];
      for (size_t r = 0; r < runs_per_mask; ++r) {
        SearchRun(halves, runs[first + r], u, even[r], odd_choice[r]);
      }
      const bool is_odd = odd[first * type.run / 8];
      // Of two runs with one sign to turn over together, the one that costs less.
      const bool in_second = runs_per_mask == 2 &&
                             even[0].cost + odd_choice[1].cost < odd_choice[0].cost + even[1].cost;
      for (size_t r = 0; r < runs_per_mask; ++r) {
        const bool turned = is_odd && (r == 1) == in_second;
        codes[first + r] = static_cast<uint16_t>(turned ? odd_choice[r].code : even[r].code);
        const GridMoments m = MomentsOfCode(runs[first + r], codes[first + r], turned);
        sums = {sums.a + m.a, sums.b + m.b};
      }
    }
    return sums;
  }
};

// The best of the nibbles that the bounds propose under d.
GridFit BestFit(const GridEffort& effort, const GridTrials& trials, const SubSearch& search,
                size_t sub, float unit_d) {
  int nibbles[kMaxGridNibbles];
  BestNibbles(effort, trials, sub, unit_d, nibbles);
  GridFit best = {};
  float least = FLT_MAX;
  for (size_t n = 0; n < effort.nibbles; ++n) {
    GridFit fit;
    fit.nibble = nibbles[n];
    const float scale = GridScale(unit_d, fit.nibble);
    fit.moments = search.Search(scale, fit.codes);
    const float error = GridError(fit.moments, scale);
    if (!(error < least)) continue;
    least = error;
    best = fit;
  }
  return best;
}

}  // namespace

bool IsUsualGridBlock(float max, float max_weight) {
  return max <= kRefineLargestValue && max >= kRefineSmallestMaximum &&
         max_weight <= kRefineLargestWeight && max_weight >= kRefineSmallestWeight;
}

float BestTrialScale(const GridEffort& effort, const float* a, const float* b, size_t stride) {
  float best_a = 1.0f, best_b = 0.0f;
  for (size_t t = 0; t < effort.trials; ++t) {
    const float ta = a[t * stride], tb = b[t * stride];
    if (!(tb > 0.0f && tb * tb * best_a > best_b * best_b * ta)) continue;
    best_a = ta;
    best_b = tb;
  }
  return best_b / best_a;
}

void GridTrialFactors(const GridEffort& effort, const GridHalves& halves, float* out) {
  const float largest = halves.values.back();
  float scale = effort.first_trial / largest;
  for (size_t t = 0; t < effort.trials; ++t) {
    if (t < effort.anchors) {
      out[t] = 1.0f / halves.values[halves.values.size() - 1 - t];
    } else {
      out[t] = scale;
      scale *= effort.trial_ratio;
    }
  }
}

bool GridScaleCandidates(const GridEffort& effort, const GridTrials& trials, float largest,
                         float* out) {
  float largest_best = 0.0f;
  for (size_t b = 0; b < trials.num_subs; ++b) {
    largest_best = std::max(largest_best, trials.best[b]);
  }
  const size_t half = effort.scales / 2;
  bool found = false;
  for (size_t n = 0; n < effort.scales; ++n) {
    const float d = (n < half ? largest_best : largest) / (31.0f * trials.unit);
    const auto step = static_cast<float>(n % half);
    out[n] = RoundToF16(d * (effort.first_scale + step * effort.scale_step));
    found = found || out[n] > 0.0f;
  }
  // One that is rounded to 0 is replaced by the largest of its half; if that is 0, by that of the
  // other.
  for (size_t n = 0; n < effort.scales; ++n) {
    if (out[n] > 0.0f) continue;
    const float last = out[(n < half ? half : effort.scales) - 1];
    out[n] = last > 0.0f ? last : out[(n < half ? effort.scales : half) - 1];
  }
  return found;
}

void GridScaleBounds(const GridEffort& effort, const GridTrials& trials, const float* candidates,
                     float* bounds) {
  for (size_t n = 0; n < effort.scales; ++n) {
    const float unit_d = candidates[n] * trials.unit;
    float total = 0.0f;
    for (size_t sub = 0; sub < trials.num_subs; ++sub) {
      const float low = GridScale(unit_d, NibbleBelow(trials.best[sub], unit_d));
      const float high = low + (unit_d + unit_d);
      float least = FLT_MAX;
      for (size_t t = 0; t < effort.trials; ++t) {
        const size_t i = t * trials.stride + sub;
        const GridMoments m = {trials.a[i], trials.b[i]};
        least = std::min(least, std::min(GridError(m, low), GridError(m, high)));
      }
      total += least;
    }
    bounds[n] = total;
  }
}

void BestGridScales(const GridEffort& effort, const float* candidates, const float* bounds,
                    float* starts) {
  size_t best = 0;
  for (size_t start = 0; start < effort.starts; ++start) {
    float least = FLT_MAX;
    for (size_t n = 0; n < effort.scales; ++n) {
      if (!(bounds[n] < least)) continue;
      const bool is_new = std::all_of(starts, starts + start, [&](float other) {
        return std::fabs(candidates[n] - other) >= kGridStartDistance * candidates[n];
      });
      if (!is_new) continue;
      least = bounds[n];
      best = n;
    }
    starts[start] = candidates[least < FLT_MAX ? best : 0];
    if (!(least < FLT_MAX)) starts[start] = starts[0];
  }
}

void BestNibbles(const GridEffort& effort, const GridTrials& trials, size_t sub, float unit_d,
                 int* nibbles) {
  float bounds[16];
  for (int nibble = 0; nibble < 16; ++nibble) {
    const float scale = GridScale(unit_d, nibble);
    float least = FLT_MAX;
    for (size_t t = 0; t < effort.trials; ++t) {
      const size_t i = t * trials.stride + sub;
      least = std::min(least, GridError({trials.a[i], trials.b[i]}, scale));
    }
    bounds[nibble] = least;
  }
  for (size_t n = 0; n < effort.nibbles; ++n) {
    const auto place = std::min_element(bounds, bounds + 16);
    nibbles[n] = static_cast<int>(place - bounds);
    *place = FLT_MAX;
  }
}

float ImproveGridBest(const GridFit* fits, size_t num_subs, float unit, float d, GridBest& best) {
  float a = 0.0f, b = 0.0f;  // of the block, as functions of d * unit
  for (size_t sub = 0; sub < num_subs; ++sub) {
    const float q = static_cast<float>(2 * fits[sub].nibble + 1);
    a += fits[sub].moments.a * q * q;
    b += fits[sub].moments.b * q;
  }
  const float fitted = a > 0.0f && b > 0.0f ? RoundToF16(b / a / unit) : 0.0f;
  for (const float candidate : {d, fitted}) {
    if (!(candidate > 0.0f)) continue;
    const float error = GridError({a, b}, candidate * unit);
    if (!(error < best.error)) continue;
    best.error = error;
    best.d = candidate;
    std::copy(fits, fits + num_subs, best.fits);
  }
  return fitted > 0.0f ? fitted : d;
}

void FinishGridBlock(const GridType& type, const GridHalves& halves, const float* x,
                     const float* weights, const GridBest& best, GridBlock& block,
                     uint8_t* nibbles) {
  const size_t num_runs = type.sub_values / type.run;
  uint32_t codes[kGridBlockValues / 4];
  for (size_t sub = 0; sub < kGridBlockValues / type.sub_values; ++sub) {
    nibbles[sub] = static_cast<uint8_t>(best.fits[sub].nibble);
    for (size_t r = 0; r < num_runs; ++r) {
      codes[sub * num_runs + r] = best.fits[sub].codes[r];
      block.indices[sub * num_runs + r] = halves.indices[codes[sub * num_runs + r]];
    }
  }
  for (size_t first = 0; first < kGridBlockValues; first += 8) {
    uint32_t mask = 0, parity = 0;
    for (size_t i = 0; i < 8; ++i) {
      const uint32_t negative = x[first + i] < 0.0f;
      mask |= negative << i;
      parity ^= negative;
    }
    if (type.even_signs && parity != 0) {
      size_t cheapest = 0;
      float least = FLT_MAX;
      for (size_t i = 0; i < 8; ++i) {
        const size_t at = first + i;
        const float value = halves.ValueInPoint(codes[at / type.run], at % type.run, type.run);
        const float cost = weights[at] * std::fabs(x[at]) * value;
        if (!(cost < least)) continue;
        least = cost;
        cheapest = i;
      }
      mask ^= 1u << cheapest;
    }
    block.signs[first / 8] = static_cast<uint8_t>(type.even_signs ? mask & 127 : mask);
  }
}

bool RefineGridBlock(const GridType& type, const GridHalves& halves, float unit,
                     const GridEffort& effort, const float* x, const float* weights,
                     GridBest& best) {
  float max = 0.0f, max_weight = 0.0f;
  for (size_t i = 0; i < kGridBlockValues; ++i) {
    max = std::max(max, std::fabs(x[i]));
    max_weight = std::max(max_weight, weights[i]);
  }
  if (!IsUsualGridBlock(max, max_weight)) return false;
  const size_t num_subs = kGridBlockValues / type.sub_values;
  float a[kMaxGridTrials * kMaxGridSubBlocks], b[kMaxGridTrials * kMaxGridSubBlocks];
  float free_scales[kMaxGridSubBlocks];
  std::vector<SubSearch> subs;
  uint16_t codes[kMaxGridSubRuns];
  float factors[kMaxGridTrials];
  GridTrialFactors(effort, halves, factors);
  for (size_t sub = 0; sub < num_subs; ++sub) {
    const float* sub_x = x + sub * type.sub_values;
    subs.emplace_back(type, halves, sub_x, weights + sub * type.sub_values);
    float sub_max = kRefineRange * max;
    for (size_t i = 0; i < type.sub_values; ++i) sub_max = std::max(sub_max, std::fabs(sub_x[i]));
    for (size_t t = 0; t < effort.trials; ++t) {
      const GridMoments m = subs[sub].Search(sub_max * factors[t], codes);
      a[t * kMaxGridSubBlocks + sub] = m.a;
      b[t * kMaxGridSubBlocks + sub] = m.b;
    }
    free_scales[sub] = BestTrialScale(effort, a + sub, b + sub, kMaxGridSubBlocks);
  }
  const GridTrials trials = {num_subs, unit, kMaxGridSubBlocks, a, b, free_scales};
  float candidates[kMaxGridScales], bounds[kMaxGridScales], d[kMaxGridStarts];
  if (!GridScaleCandidates(effort, trials, max / halves.values.back(), candidates)) return false;
  GridScaleBounds(effort, trials, candidates, bounds);
  BestGridScales(effort, candidates, bounds, d);
  best.error = 0.0f;
  for (size_t pass = 0; pass < effort.passes; ++pass) {
    for (size_t n = 0; n < effort.starts; ++n) {
      GridFit fits[kMaxGridSubBlocks];
      for (size_t sub = 0; sub < num_subs; ++sub) {
        fits[sub] = BestFit(effort, trials, subs[sub], sub, d[n] * unit);
      }
      d[n] = ImproveGridBest(fits, num_subs, unit, d[n], best);
    }
  }
  return best.error < 0.0f;
}

}  // namespace gguf
