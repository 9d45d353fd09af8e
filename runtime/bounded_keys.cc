#include "runtime/bounded_keys.h"

#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf {

absl::StatusOr<uint32_t> BoundedKeys::Uint(keys::Key key, uint64_t min, uint64_t max) const {
  GGUF_ASSIGN_OR_RETURN(const uint64_t value, metadata_.GetUint(Full(key)));
  if (value < min || value > max) {
    return absl::InvalidArgumentError(
        absl::StrCat("key ", Full(key), " is ", value, ", expected ", min, " to ", max));
  }
  return static_cast<uint32_t>(value);
}

absl::StatusOr<uint32_t> BoundedKeys::UintOr(keys::Key key, uint64_t min, uint64_t max,
                                             uint32_t fallback) const {
  if (!Has(key)) return fallback;
  return Uint(key, min, max);
}

absl::StatusOr<float> BoundedKeys::FloatOr(keys::Key key, double min, float fallback) const {
  if (!Has(key)) return fallback;
  GGUF_ASSIGN_OR_RETURN(const double value, metadata_.GetFloat(Full(key)));
  if (!(value >= min) || value > std::numeric_limits<float>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("key ", Full(key), " is ", value,
                                                   ", expected a finite number of at least ", min));
  }
  return static_cast<float>(value);
}

absl::StatusOr<float> BoundedKeys::PositiveOr(keys::Key key, float fallback) const {
  GGUF_ASSIGN_OR_RETURN(const float value, FloatOr(key, 0.0, fallback));
  return value == 0.0f ? fallback : value;
}

}  // namespace gguf
