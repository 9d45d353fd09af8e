// Tables for the nearest level of IQ4_NL without a search.
//
// The line is cut into buckets of equal width, so narrow that each has at most one point where the
// nearest level changes. Bucket k is round(v / kBucketWidth); entry k & 31 of the tables is its
// own.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_BUCKETS_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_BUCKETS_H_

#include <limits>

#include "formats/codec/codebooks/iq4nl.h"

namespace gguf {

inline constexpr int kNumBuckets = 32;
inline constexpr int kLastBucket = 15;  // the first is -kLastBucket

// No change is closer to the end of a bucket than 0.1. Buckets reach beyond the largest |v| of a
// search, 134 / max * max.
inline constexpr float kBucketWidth = 9.2f;
inline constexpr float kBucketLimit = 140.0f;

inline constexpr float kFirstLevel = kIq4nl[0];
inline constexpr float kCodeOfNan = 15.0f;

struct LevelBuckets {
  float thresholds[kNumBuckets];  // from here on the entry of the next bucket holds
  float levels[kNumBuckets];      // level at the lower end
  float codes[kNumBuckets];       // its index
};

constexpr LevelBuckets MakeLevelBuckets() {
  LevelBuckets buckets = {};
  int code = 0;
  for (int k = -kLastBucket; k <= kLastBucket + 1; ++k) {
    const int entry = k & (kNumBuckets - 1);
    buckets.thresholds[entry] = std::numeric_limits<float>::infinity();
    buckets.levels[entry] = kIq4nl[code];
    buckets.codes[entry] = static_cast<float>(code);
    if (code == 15) continue;
    const float change = 0.5f * static_cast<float>(kIq4nl[code] + kIq4nl[code + 1]);
    if (change < (static_cast<float>(k) + 0.5f) * kBucketWidth) {
      buckets.thresholds[entry] = change;
      ++code;
    }
  }
  return buckets;
}

inline constexpr LevelBuckets kLevelBuckets = MakeLevelBuckets();

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_LEVEL_BUCKETS_H_
