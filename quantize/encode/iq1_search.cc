#include "quantize/encode/iq1_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantize/encode/iq1_grid.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

constexpr int kValuesS = 32;
constexpr int kValuesM = 16;
constexpr int kRun = Iq1Grid::kRunValues;
constexpr int kRunsS = kValuesS / kRun;
constexpr int kRunsM = kValuesM / kRun;

// The best of the trials so far.
class Best {
 public:
  void Try(float qx, float q2, int split1, int split2, int shifts) {
    if (!(q2 > 0.0f && qx * qx > score_ * q2)) return;
    split_ = {split1, split2, shifts, qx / q2, true};
    score_ = split_.scale * qx;
  }

  const Iq1Split& split() const { return split_; }

 private:
  Iq1Split split_;
  float score_ = -std::numeric_limits<float>::max();
};

// Levels of the split as codes of runs; a negative scale turns levels and shifts around.
Iq1SubBlock ApplySplit(const Iq1Split& split, const uint8_t* order, int num_values, int all_shifts,
                       uint32_t* codes) {
  Iq1SubBlock sub;
  const bool mirrored = split.scale < 0.0f;
  sub.scale = mirrored ? -split.scale : split.scale;
  sub.shifts = mirrored ? all_shifts - split.shifts : split.shifts;
  for (int j = 0; j < num_values; ++j) {
    const int level = j < split.split1 ? 0 : (j < split.split2 ? 1 : 2);
    const uint32_t stored = static_cast<uint32_t>(mirrored ? 2 - level : level);
    codes[order[j] / kRun] |= stored << (2 * (order[j] % kRun));
  }
  return sub;
}

// The levels of run r by the shifts of its sub-block.
const float* LevelsOfRun(int shifts, int r, int num_runs) {
  return kIq1Levels[num_runs == kRunsM ? shifts >> (1 - r) & 1 : shifts];
}

uint32_t NearestOnGrid(uint32_t code, const float* x, const float* weights, float scale,
                       const float* levels) {
  float costs[4 * kRun] = {};
  for (int k = 0; k < kRun; ++k) {
    for (int level = 0; level < 3; ++level) {
      const float difference = scale * levels[level] - x[k];
      costs[4 * k + level] = weights[k] * difference * difference;
    }
  }
  return Iq1Grid::Get().NearestNeighbour(code, costs);
}

// Moves the runs to the grid; when one was not on it, fits the scale again.
void ProjectToGrid(const float* x, const float* weights, int num_runs, uint32_t* codes,
                   Iq1SubBlock& sub) {
  const Iq1Grid& grid = Iq1Grid::Get();
  bool moved = false;
  for (int r = 0; r < num_runs; ++r) {
    if (grid.Row(codes[r]) < 0) {
      codes[r] = NearestOnGrid(codes[r], x + r * kRun, weights + r * kRun, sub.scale,
                               LevelsOfRun(sub.shifts, r, num_runs));
      moved = true;
    }
    sub.rows[r] = static_cast<uint16_t>(grid.Row(codes[r]));
  }
  if (!moved) return;
  float qx = 0.0f, q2 = 0.0f;
  for (int i = 0; i < num_runs * kRun; ++i) {
    const int r = i / kRun;
    const float q = LevelsOfRun(sub.shifts, r, num_runs)[codes[r] >> (2 * (i % kRun)) & 3];
    qx += weights[i] * q * x[i];
    q2 += weights[i] * q * q;
  }
  if (qx > 0.0f && q2 > 0.0f) sub.scale = qx / q2;
}

float LargestMagnitude(const float* x, int num_values) {
  float largest = 0.0f;
  for (int i = 0; i < num_values; ++i) largest = std::max(largest, std::fabs(x[i]));
  return largest;
}

}  // namespace

void Iq1SortOrder(const float* x, size_t num_values, uint8_t* order) {
  for (size_t i = 0; i < num_values; ++i) order[i] = static_cast<uint8_t>(i);
  std::stable_sort(order, order + num_values, [x](uint8_t a, uint8_t b) { return x[a] < x[b]; });
}

Iq1Split SearchIq1_S(const float* x, const float* weights, const uint8_t* order) {
  float sx[kValuesS + 1] = {};
  float sw[kValuesS + 1] = {};
  for (int j = 0; j < kValuesS; ++j) {
    const int i = order[j];
    sx[j + 1] = sx[j] + weights[i] * x[i];
    sw[j + 1] = sw[j] + weights[i];
  }
  Best best;
  for (int i1 = 0; i1 <= kValuesS; ++i1) {
    for (int i2 = i1; i2 <= kValuesS; ++i2) {
      for (int shift = 0; shift < 2; ++shift) {
        const float* v = kIq1Levels[shift];
        const float qx =
            (sx[i1] - sx[0]) * v[0] + (sx[i2] - sx[i1]) * v[1] + (sx[kValuesS] - sx[i2]) * v[2];
        const float q2 = (sw[i1] - sw[0]) * v[0] * v[0] + (sw[i2] - sw[i1]) * v[1] * v[1] +
                         (sw[kValuesS] - sw[i2]) * v[2] * v[2];
        best.Try(qx, q2, i1, i2, shift);
      }
    }
  }
  return best.split();
}

Iq1Split SearchIq1_M(const float* x, const float* weights, const uint8_t* order) {
  // Sums of a split for the four pairs of shifts, always in sorted order: those up to the second
  // split are common to the splits that begin like this one.
  struct Sums {
    float qx[4] = {};
    float q2[4] = {};
    void Add(const Sums& other) {
      for (int shifts = 0; shifts < 4; ++shifts) {
        qx[shifts] += other.qx[shifts];
        q2[shifts] += other.q2[shifts];
      }
    }
  };
  Sums terms[3][kValuesM];
  for (int level = 0; level < 3; ++level) {
    for (int j = 0; j < kValuesM; ++j) {
      const int i = order[j];
      for (int shifts = 0; shifts < 4; ++shifts) {
        const float v = LevelsOfRun(shifts, i / kRun, kRunsM)[level];
        terms[level][j].qx[shifts] = weights[i] * v * x[i];
        terms[level][j].q2[shifts] = weights[i] * v * v;
      }
    }
  }
  Best best;
  Sums bottom;
  for (int i1 = 0; i1 <= kValuesM; ++i1) {
    if (i1 > 0) bottom.Add(terms[0][i1 - 1]);
    Sums middle = bottom;
    for (int i2 = i1; i2 <= kValuesM; ++i2) {
      if (i2 > i1) middle.Add(terms[1][i2 - 1]);
      Sums all = middle;
      for (int j = i2; j < kValuesM; ++j) all.Add(terms[2][j]);
      for (int shifts = 0; shifts < 4; ++shifts) {
        best.Try(all.qx[shifts], all.q2[shifts], i1, i2, shifts);
      }
    }
  }
  return best.split();
}

Iq1SubBlock EncodeIq1_SSubBlock(const float* x, const float* weights) {
  if (LargestMagnitude(x, kValuesS) < kIq1_STiny) return {};
  uint8_t order[kValuesS];
  Iq1SortOrder(x, kValuesS, order);
  const Iq1Split split = SearchIq1_S(x, weights, order);
  if (!split.found) return {};
  uint32_t codes[kRunsS] = {};
  Iq1SubBlock sub = ApplySplit(split, order, kValuesS, 1, codes);
  ProjectToGrid(x, weights, kRunsS, codes, sub);
  return sub;
}

Iq1SubBlock EncodeIq1_MSubBlock(const float* x, const float* weights) {
  if (LargestMagnitude(x, kValuesM) < kIq1_MTiny) return {};
  uint8_t order[kValuesM];
  Iq1SortOrder(x, kValuesM, order);
  const Iq1Split split = SearchIq1_M(x, weights, order);
  if (!split.found) return {};
  uint32_t codes[kRunsM] = {};
  Iq1SubBlock sub = ApplySplit(split, order, kValuesM, 3, codes);
  ProjectToGrid(x, weights, kRunsM, codes, sub);
  return sub;
}

int Iq1ScaleCode(float inverse, float scale) {
  return ClampCode(RoundByBits(0.5f * (inverse * scale - 1.0f)), 0, 7);
}

}  // namespace gguf
