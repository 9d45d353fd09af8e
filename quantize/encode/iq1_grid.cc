#include "quantize/encode/iq1_grid.h"

#include <array>
#include <limits>

#include "formats/codec/codebooks/iq1s.h"

namespace gguf {
namespace {

constexpr size_t kGridRows = 2048;
constexpr size_t kCodes = 1 << (2 * Iq1Grid::kRunValues);
constexpr int kDistances = 4 * static_cast<int>(Iq1Grid::kRunValues) + 1;
constexpr int kDistinctDistances = 3;
constexpr int32_t kNoRow = -1;

uint32_t CodeOfRow(size_t row) {
  uint32_t code = 0;
  for (size_t k = 0; k < Iq1Grid::kRunValues; ++k) {
    code |= static_cast<uint32_t>(kIq1s[row][k] + 1) << (2 * k);
  }
  return code;
}

bool IsValid(uint32_t code) { return (code & (code >> 1) & 0x5555) == 0; }

// Squared distance of two halves of a code, by [half * 256 + other half].
std::array<uint8_t, 65536> HalfDistances() {
  std::array<uint8_t, 65536> distances = {};
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      int sum = 0;
      for (int shift = 0; shift < 8; shift += 2) {
        const int difference = (a >> shift & 3) - (b >> shift & 3);
        sum += difference * difference;
      }
      distances[a * 256 + b] = static_cast<uint8_t>(sum);
    }
  }
  return distances;
}

}  // namespace

Iq1Grid::Iq1Grid() : rows_(kCodes, kNoRow) {
  std::array<uint16_t, kGridRows> codes;
  for (size_t row = 0; row < kGridRows; ++row) {
    codes[row] = static_cast<uint16_t>(CodeOfRow(row));
    rows_[codes[row]] = static_cast<int32_t>(row);
  }
  const std::array<uint8_t, 65536> half_distances = HalfDistances();
  std::array<uint8_t, kGridRows> distances;
  std::vector<uint16_t> list;
  for (uint32_t code = 0; code < kCodes; ++code) {
    if (!IsValid(code) || rows_[code] != kNoRow) continue;
    const uint8_t* low = half_distances.data() + (code & 255) * 256;
    const uint8_t* high = half_distances.data() + (code >> 8) * 256;
    std::array<bool, kDistances> occurs = {};
    for (size_t row = 0; row < kGridRows; ++row) {
      distances[row] = low[codes[row] & 255] + high[codes[row] >> 8];
      occurs[distances[row]] = true;
    }
    list.clear();
    int distinct = 0;
    for (int distance = 0; distance < kDistances && distinct < kDistinctDistances; ++distance) {
      if (!occurs[distance]) continue;
      ++distinct;
      for (size_t row = 0; row < kGridRows; ++row) {
        if (distances[row] == distance) list.push_back(codes[row]);
      }
    }
    AppendList(code, list);
  }
}

void Iq1Grid::AppendList(uint32_t code, const std::vector<uint16_t>& list) {
  const size_t padded = (list.size() + kListAlign - 1) / kListAlign * kListAlign;
  rows_[code] = ~static_cast<int32_t>(lists_.size());
  lists_.resize(lists_.size() + kListAlign, static_cast<uint16_t>(padded));
  lists_.insert(lists_.end(), list.begin(), list.end());
  lists_.resize(lists_.size() + padded - list.size(), list.front());
}

const Iq1Grid& Iq1Grid::Get() {
  static const Iq1Grid* const grid = new Iq1Grid;  // never destroyed: usable at exit
  return *grid;
}

uint32_t Iq1Grid::NearestNeighbour(uint32_t code, const float* costs) const {
  const List list = Neighbours(code);
  uint32_t nearest = list.codes[0];
  float least = std::numeric_limits<float>::max();
  for (size_t n = 0; n < list.padded_length; ++n) {
    float sum = 0.0f;
    for (size_t k = 0; k < kRunValues; ++k) sum += costs[4 * k + (list.codes[n] >> (2 * k) & 3)];
    if (sum < least) {
      least = sum;
      nearest = list.codes[n];
    }
  }
  return nearest;
}

}  // namespace gguf
