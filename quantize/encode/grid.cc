#include "quantize/encode/grid.h"

#include <algorithm>
#include <set>

#include "formats/codec/codebooks/iq2s.h"
#include "formats/codec/codebooks/iq2xs.h"
#include "formats/codec/codebooks/iq2xxs.h"
#include "formats/codec/codebooks/iq3s.h"
#include "formats/codec/codebooks/iq3xxs.h"

namespace gguf {
namespace {

using Levels = std::vector<int>;  // of one run

// The codebook's values, replaced by their rank among all its values.
std::vector<Levels> LevelsOfPoints(const uint8_t* codebook, size_t num_points, size_t run) {
  const std::set<uint8_t> values(codebook, codebook + num_points * run);
  std::vector<Levels> points(num_points);
  for (size_t i = 0; i < num_points * run; ++i) {
    const auto rank = std::distance(values.begin(), values.find(codebook[i]));
    points[i / run].push_back(static_cast<int>(rank));
  }
  return points;
}

uint32_t Pack(const Levels& levels, int bits) {
  uint32_t packed = 0;
  for (size_t k = 0; k < levels.size(); ++k) {
    packed |= static_cast<uint32_t>(levels[k]) << (bits * k);
  }
  return packed;
}

size_t KeyOf(const Levels& levels, int num_levels) {
  size_t key = 0;
  for (size_t k = levels.size(); k > 0; --k) key = key * num_levels + levels[k - 1];
  return key;
}

Levels LevelsOfKey(size_t key, int num_levels, size_t run) {
  Levels levels(run);
  for (int& level : levels) {
    level = static_cast<int>(key % num_levels);
    key /= num_levels;
  }
  return levels;
}

// Writes the indices of the neighbours of `levels` to `list`, in order. `distances`: space.
void FindNeighbours(const std::vector<Levels>& points, const Levels& levels, int num_distances,
                    std::vector<int>& distances, std::vector<size_t>& list) {
  int smallest[4] = {};  // distinct, ascending
  int num_smallest = 0;
  for (size_t j = 0; j < points.size(); ++j) {
    int distance = 0;
    for (size_t k = 0; k < levels.size(); ++k) {
      distance += (levels[k] - points[j][k]) * (levels[k] - points[j][k]);
    }
    distances[j] = distance;
    int* const end = smallest + num_smallest;
    int* const place = std::lower_bound(smallest, end, distance);
    if (place == smallest + num_distances || (place != end && *place == distance)) continue;
    if (num_smallest < num_distances) ++num_smallest;
    std::copy_backward(place, smallest + num_smallest - 1, smallest + num_smallest);
    *place = distance;
  }
  list.clear();
  for (int d = 0; d < num_smallest; ++d) {
    for (size_t j = 0; j < points.size(); ++j) {
      if (distances[j] == smallest[d]) list.push_back(j);
    }
  }
}

}  // namespace

Grid BuildGrid(const uint8_t* codebook, size_t num_points, size_t run, int num_distances) {
  const bool pairs_of_bits = run == 8;
  Grid grid{run, pairs_of_bits ? 3 : 8, pairs_of_bits ? 2 : 3, pairs_of_bits ? 4u : 8u, {}, {}, {},
            {}};
  const std::vector<Levels> points = LevelsOfPoints(codebook, num_points, run);
  size_t num_keys = 1;
  for (size_t k = 0; k < run; ++k) num_keys *= grid.levels;
  grid.entries.assign(num_keys, kOffGrid);
  for (size_t j = 0; j < num_points; ++j) {
    grid.points.push_back(Pack(points[j], grid.bits) | static_cast<uint32_t>(j)
                                                           << kPointIndexShift);
    grid.entries[KeyOf(points[j], grid.levels)] = grid.points[j];
  }
  std::vector<int> distances(num_points);
  std::vector<size_t> list;
  for (size_t key = 0; key < num_keys; ++key) {
    if (grid.entries[key] != kOffGrid) continue;
    FindNeighbours(points, LevelsOfKey(key, grid.levels, run), num_distances, distances, list);
    while (list.size() % grid.group != 0) list.push_back(list[0]);
    const size_t first_group = grid.members.size() / grid.group;
    const size_t groups = list.size() / grid.group;
    grid.entries[key] |= static_cast<uint32_t>(groups << kListGroupsShift | first_group);
    for (const size_t j : list) {
      grid.members.push_back(grid.points[j]);
      grid.member_levels.push_back(Pack(points[j], kMemberBits));
    }
  }
  return grid;
}

const Grid& Iq2xxsGrid() {
  static const Grid& grid = *new Grid(BuildGrid(kIq2xxs[0], std::size(kIq2xxs), 8, 2));
  return grid;
}

const Grid& Iq2xsGrid() {
  static const Grid& grid = *new Grid(BuildGrid(kIq2xs[0], std::size(kIq2xs), 8, 2));
  return grid;
}

const Grid& Iq2sGrid() {
  static const Grid& grid = *new Grid(BuildGrid(kIq2s[0], std::size(kIq2s), 8, 1));
  return grid;
}

const Grid& Iq3xxsGrid() {
  static const Grid& grid = *new Grid(BuildGrid(kIq3xxs[0], std::size(kIq3xxs), 4, 2));
  return grid;
}

const Grid& Iq3sGrid() {
  static const Grid& grid = *new Grid(BuildGrid(kIq3s[0], std::size(kIq3s), 4, 3));
  return grid;
}

}  // namespace gguf
