#include "gguf/base/sizes.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace gguf {
namespace {

struct Unit {
  absl::string_view suffix;
  double bytes;
};

constexpr double kKi = 1024.0;
constexpr Unit kUnits[] = {
    {"", 1},          {"b", 1},         {"k", 1e3},         {"kb", 1e3},
    {"m", 1e6},       {"mb", 1e6},      {"g", 1e9},         {"gb", 1e9},
    {"t", 1e12},      {"tb", 1e12},     {"kib", kKi},       {"mib", kKi * kKi},
    {"gib", kKi * kKi * kKi},           {"tib", kKi * kKi * kKi * kKi},
};

}  // namespace

bool CheckedMultiply(uint64_t a, uint64_t b, uint64_t* result) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return false;
  *result = product;
  return true;
}

bool CheckedAdd(uint64_t a, uint64_t b, uint64_t* result) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return false;
  *result = sum;
  return true;
}

absl::StatusOr<uint64_t> ParseSize(absl::string_view text) {
  const auto malformed = [&] {
    return absl::InvalidArgumentError(absl::StrCat(
        "size '", text, "': expected a number with an optional unit, such as 512MiB, 7.5GB or 2G"));
  };
  size_t digits = 0;
  while (digits < text.size() && (absl::ascii_isdigit(text[digits]) || text[digits] == '.')) {
    ++digits;
  }
  double value = 0;
  if (digits == 0 || !absl::SimpleAtod(text.substr(0, digits), &value)) return malformed();
  const std::string suffix = absl::AsciiStrToLower(text.substr(digits));
  for (const Unit& unit : kUnits) {
    if (unit.suffix != suffix) continue;
    const double bytes = value * unit.bytes;
    if (bytes >= 9.2e18) return malformed();
    return static_cast<uint64_t>(std::llround(bytes));
  }
  return malformed();
}

std::string FormatSize(uint64_t bytes) {
  static constexpr const char* kNames[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024.0 && unit < 4) {
    value /= 1024.0;
    ++unit;
  }
  if (unit == 0) return absl::StrCat(bytes, " B");
  return absl::StrFormat("%.1f %s", value, kNames[unit]);
}

}  // namespace gguf
