#include "quantize/encode/grid_search.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "gguf/base/float16.h"
#include "quantize/encode/positive_search.h"
#include "quantize/encode/rounding.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

constexpr size_t kMaxSubValues = 32;
constexpr size_t kMaxRuns = 8;  // per sub-block

// A sub-block under search.
struct Work {
  const GridType& type;
  const Grid& grid;
  const float* weights;
  float x[kMaxSubValues];      // magnitudes; one of eight is negated where the signs were odd
  float roots[kMaxSubValues];  // of the weights
  size_t num_runs;
};

struct Projection {
  uint32_t points[kMaxRuns];
  bool on_grid[kMaxRuns];
};

struct Moments {
  float qx = 0.0f;  // sum w*x*q
  float q2 = 0.0f;  // sum w*q*q
};

// The magnitudes and sign masks of `x`.
void SplitSigns(const float* x, Work& work, uint8_t* signs) {
  const GridType& type = work.type;
  for (size_t first = 0; first < type.sub_values; first += 8) {
    uint8_t mask = 0;
    for (size_t i = 0; i < 8; ++i) {
      const float value = x[first + i];
      work.x[first + i] = value >= 0.0f ? value : -value;
      if (!(value >= 0.0f)) mask |= 1 << i;
    }
    if (type.even_signs && std::popcount(mask) % 2 == 1) {
      size_t cheapest = 0;
      float least = work.weights[first] * x[first] * x[first];
      for (size_t i = 1; i < 8; ++i) {
        const float cost = work.weights[first + i] * x[first + i] * x[first + i];
        if (cost < least) {
          least = cost;
          cheapest = i;
        }
      }
      work.x[first + cheapest] = -work.x[first + cheapest];
      mask ^= 1 << cheapest;
    }
    signs[first / 8] = type.even_signs ? mask & 127 : mask;
  }
}

float ValueInPoint(const Grid& grid, uint32_t point, size_t k) {
  const uint32_t level = point >> (grid.bits * k) & ((1u << grid.bits) - 1);
  return static_cast<float>(2 * level + 1);
}

// Rounds run `r` under the inverse scale; off the grid, `scale` decides between the neighbours.
void ProjectRun(const Work& work, size_t r, float inverse, float scale, Projection& projection) {
  const Grid& grid = work.grid;
  size_t key = 0;
  for (size_t k = grid.run; k > 0; --k) {
    const float value = work.x[r * grid.run + k - 1];
    key = key * grid.levels + RoundToCode(0.5f * (inverse * value - 1.0f), grid.levels - 1);
  }
  const uint32_t entry = grid.entries[key];
  projection.on_grid[r] = (entry & kOffGrid) == 0;
  const size_t first = r * grid.run;
  projection.points[r] = projection.on_grid[r] ? entry
                                               : NearestGridPoint(grid, entry, work.x + first,
                                                                  work.roots + first, scale);
}

Moments MomentsOf(const Work& work, const Projection& projection) {
  Moments sums;
  for (size_t i = 0; i < work.type.sub_values; ++i) {
    const float q =
        ValueInPoint(work.grid, projection.points[i / work.grid.run], i % work.grid.run);
    sums.qx += work.weights[i] * work.x[i] * q;
    sums.q2 += work.weights[i] * q * q;
  }
  return sums;
}

// Tries the steps around top / max; returns the best scale, or `scale` if none is better than 0.
float SearchSteps(const Work& work, float max, float scale, Projection& best_projection) {
  const GridType& type = work.type;
  for (size_t r = 0; r < work.num_runs; ++r) {
    best_projection.points[r] = work.grid.points[0];
    best_projection.on_grid[r] = type.final_pass != GridFinalPass::kAllIfAnyOffGrid;
  }
  float best = 0.0f;
  for (int step = -type.steps; step <= type.steps; ++step) {
    const float inverse = (type.top + static_cast<float>(step) * type.step_size) / max;
    const float trial = 1.0f / inverse;
    Projection projection;
    for (size_t r = 0; r < work.num_runs; ++r) ProjectRun(work, r, inverse, trial, projection);
    const Moments sums = MomentsOf(work, projection);
    if (sums.q2 > 0.0f && sums.qx * sums.qx > best * sums.q2) {
      scale = sums.qx / sums.q2;
      best = scale * sums.qx;
      best_projection = projection;
    }
  }
  return scale;
}

// Projects again with the scale itself; returns the new scale.
float ProjectFinally(const Work& work, float scale, Projection& projection) {
  const bool* on_grid = projection.on_grid;
  const bool any_off_grid =
      !std::all_of(on_grid, on_grid + work.num_runs, [](bool on) { return on; });
  const bool all = work.type.final_pass != GridFinalPass::kOffGrid;
  if (!(scale > 0.0f)) return scale;
  if (work.type.final_pass != GridFinalPass::kAll && !any_off_grid) return scale;
  const float inverse = 1.0f / scale;
  for (size_t r = 0; r < work.num_runs; ++r) {
    if (all || !projection.on_grid[r]) ProjectRun(work, r, inverse, scale, projection);
  }
  const Moments sums = MomentsOf(work, projection);
  return sums.q2 > 0.0f ? sums.qx / sums.q2 : scale;
}

}  // namespace

uint32_t NearestGridPoint(const Grid& grid, uint32_t entry, const float* x, const float* roots,
                          float scale) {
  const uint32_t* members = grid.members.data() + ListFirstGroup(entry) * grid.group;
  uint32_t nearest = members[0];
  float least = 0.0f;
  for (size_t j = 0; j < ListGroups(entry) * grid.group; ++j) {
    float sum = 0.0f;
    for (size_t k = 0; k < grid.run; ++k) {
      const float error = scale * ValueInPoint(grid, members[j], k) - x[k];
      sum += roots[k] * error * error;
    }
    if (j == 0 || sum < least) {
      least = sum;
      nearest = members[j];
    }
  }
  return nearest;
}

void GridBlockWeights(const GridType& type, float plain_sigma2, const float* x,
                      const float* importance, float* weights) {
  const float sigma2 = type.sigma2_factor * SumOfSquares(x, kGridBlockValues) / 256.0f;
  const float constant = plain_sigma2 > 0.0f ? plain_sigma2 * sigma2 : 0.0f;  // sigma2 may be inf
  for (size_t i = 0; i < kGridBlockValues; ++i) {
    if (importance != nullptr) {
      weights[i] = ImportanceWeight(importance[i], sigma2, x[i]);
    } else {
      weights[i] = constant + x[i] * x[i];
    }
  }
}

void FitGridSubBlock(const GridType& type, const Grid& grid, const float* x, const float* weights,
                     GridSubBlock& sub) {
  const size_t num_runs = type.sub_values / type.run;
  Work work = {type, grid, weights, {}, {}, num_runs};
  SplitSigns(x, work, sub.signs);
  for (size_t i = 0; i < type.sub_values; ++i) work.roots[i] = std::sqrt(weights[i]);
  float max = work.x[0];
  for (size_t i = 1; i < type.sub_values; ++i) max = work.x[i] > max ? work.x[i] : max;
  bool is_zero = max < type.tiny;
  float scale = max / type.top;
  if (!is_zero && type.seeded) {
    uint8_t codes[kMaxSubValues];
    scale = FitPositive(type.sub_values, type.levels + 1, work.x, weights, codes);
    max = scale * static_cast<float>(type.levels);
    is_zero = max <= 0.0f;
  }
  if (is_zero) {
    sub.scale = 0.0f;
    std::fill_n(sub.indices, num_runs, uint16_t{0});
    std::fill_n(sub.signs, type.sub_values / 8, uint8_t{0});
    return;
  }
  Projection projection;
  scale = SearchSteps(work, max, scale, projection);
  scale = ProjectFinally(work, scale, projection);
  if (scale < 0.0f) {
    scale = -scale;
    for (size_t k = 0; k < type.sub_values / 8; ++k) {
      sub.signs[k] = ~sub.signs[k] & (type.even_signs ? 127 : 255);
    }
  }
  sub.scale = scale;
  for (size_t r = 0; r < num_runs; ++r) sub.indices[r] = IndexOfPoint(projection.points[r]);
}

void FitGridBlock(const GridType& type, const Grid& grid, const float* x, const float* importance,
                  GridBlock& block) {
  float weights[kGridBlockValues];
  GridBlockWeights(type, GridPlainSigma2(type), x, importance, weights);
  for (size_t first = 0; first < kGridBlockValues; first += type.sub_values) {
    GridSubBlock sub = {0.0f, block.indices + first / type.run, block.signs + first / 8};
    FitGridSubBlock(type, grid, x + first, weights + first, sub);
    block.scales[first / type.sub_values] = sub.scale;
  }
}

bool QuantizeGridScales(const GridType& type, const float* scales, uint16_t& d, uint8_t* nibbles) {
  const size_t num_scales = kGridBlockValues / type.sub_values;
  float max = 0.0f;
  for (size_t b = 0; b < num_scales; ++b) max = max > scales[b] ? max : scales[b];
  if (max == 0.0f) return false;
  const float unit = max / 31.0f;
  d = F32ToF16(unit * type.d_factor);
  const float inverse = 1.0f / unit;
  for (size_t b = 0; b < num_scales; ++b) {
    nibbles[b] = static_cast<uint8_t>(RoundToCode(0.5f * (inverse * scales[b] - 1.0f), 15));
  }
  return true;
}

}  // namespace gguf
