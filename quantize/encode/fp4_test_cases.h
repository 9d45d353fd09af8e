// Values that tell a wrong choice of E2M1 codes from a right one. For tests only.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_TEST_CASES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_TEST_CASES_H_

#include <cmath>
#include <limits>
#include <vector>

namespace gguf {

// The codes and the midpoints between them under a scale, and the 40 floats next to each, of both
// signs, with zeros and subnormals.
inline std::vector<float> ValuesAroundMidpoints(float half_scale) {
  std::vector<float> values = {0.0f, -0.0f, 1e-45f, -1e-45f, 1e-38f, -1e-38f};
  for (const float point : {0.25f, 0.5f, 1.0f, 1.5f, 2.0f, 2.5f, 3.0f, 3.5f, 4.0f, 5.0f, 6.0f, 7.0f,
                            8.0f, 10.0f, 12.0f}) {
    float value = point * half_scale;
    for (int i = 0; i < 20; ++i) value = std::nextafter(value, 0.0f);
    for (int i = 0; i <= 40; ++i) {
      if (std::isfinite(value)) {
        values.push_back(value);
        values.push_back(-value);
      }
      value = std::nextafter(value, std::numeric_limits<float>::infinity());
    }
  }
  return values;
}

// Rows of whole groups of `group` values whose first value is `anchor`; the rest are `points`.
inline std::vector<float> WithAnchors(const std::vector<float>& points, size_t group,
                                      float anchor) {
  std::vector<float> row;
  for (const float point : points) {
    if (row.size() % group == 0) row.push_back(anchor);
    row.push_back(point);
  }
  while (row.size() % group != 0) row.push_back(0.0f);
  return row;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_FP4_TEST_CASES_H_
