#include "quantize/encode/refine/grid_halves.h"

#include <algorithm>
#include <set>

namespace gguf {
namespace {

// The number of `half` in `halves`, where it is appended if new.
uint16_t NumberOf(const GridHalves::Half& half, std::vector<GridHalves::Half>& halves) {
  const auto place = std::find(halves.begin(), halves.end(), half);
  const auto number = static_cast<uint16_t>(place - halves.begin());
  if (place == halves.end()) halves.push_back(half);
  return number;
}

}  // namespace

GridHalves DivideGrid(const uint8_t* codebook, size_t num_points, size_t run) {
  GridHalves halves;
  const std::set<uint8_t> values(codebook, codebook + num_points * run);
  halves.values.assign(values.begin(), values.end());
  std::vector<uint32_t> codes;
  for (size_t j = 0; j < num_points; ++j) {
    GridHalves::Half half[2] = {};
    for (size_t k = 0; k < run; ++k) {
      const auto rank = std::distance(values.begin(), values.find(codebook[j * run + k]));
      half[k / (run / 2)][k % (run / 2)] = static_cast<uint8_t>(rank);
    }
    const uint32_t first = NumberOf(half[0], halves.first);
    codes.push_back(CodeOfHalves(first, NumberOf(half[1], halves.second)));
  }
  halves.indices.assign(halves.first.size() << kHalfBits, 0);
  for (size_t i = 0; i < halves.first.size(); ++i) {
    halves.starts.push_back(static_cast<uint16_t>(halves.members.size()));
    for (size_t j = 0; j < num_points; ++j) {
      if (FirstHalf(codes[j]) != i) continue;
      halves.members.push_back(static_cast<uint16_t>(SecondHalf(codes[j])));
      halves.indices[codes[j]] = static_cast<uint16_t>(j);
    }
  }
  halves.starts.push_back(static_cast<uint16_t>(halves.members.size()));
  return halves;
}

}  // namespace gguf
