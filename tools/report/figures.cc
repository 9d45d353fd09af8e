#include "tools/report/figures.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/sizes.h"

namespace gguf {
namespace {

constexpr int kMostDecimals = 10;
constexpr double kGreatestPlain = 1e15;
constexpr int kMostDecimalsWithError = 6;
// Of limits of an axis, whose ticks are sums and products.
constexpr double kRounding = 1e-9;

// Of the first significant digit: 0 for 1 to 9.99, -2 for 0.01.
int Exponent(double value) {
  return value == 0.0 ? 0 : static_cast<int>(std::floor(std::log10(std::fabs(value))));
}

}  // namespace

std::string Significant(double value, int digits) {
  if (!std::isfinite(value)) return value > 0 ? "∞" : "-";
  if (std::fabs(value) >= kGreatestPlain) return absl::StrFormat("%.*g", digits, value);
  const int decimals = digits - 1 - Exponent(value);
  if (decimals >= 0) return absl::StrFormat("%.*f", std::min(decimals, kMostDecimals), value);
  const double unit = std::pow(10.0, -decimals);
  return absl::StrFormat("%.0f", std::round(value / unit) * unit);
}

std::string WithError(double value, double error) {
  if (!(error > 0.0) || !std::isfinite(error)) return Significant(value, 3);
  const int decimals = std::clamp(1 - Exponent(error), 0, kMostDecimalsWithError);
  return absl::StrFormat("%.*f ± %.*f", decimals, value, decimals, error);
}

std::string Percent(double share) {
  const double percent = 100.0 * share;
  return absl::StrCat(Significant(percent, percent >= 10.0 ? 3 : 2), " %");
}

std::string Seconds(double seconds) {
  if (seconds < 0.9995) return absl::StrCat(Significant(1000.0 * seconds, 3), " ms");
  return absl::StrCat(Significant(seconds, 3), " s");
}

std::string SizeText(double bytes) {
  constexpr double kMost = 1e18;
  return bytes >= 0 && bytes < kMost ? FormatSize(static_cast<uint64_t>(bytes)) : "-";
}

size_t CountCharacters(absl::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; });
}

std::string Elide(absl::string_view text, size_t width) {
  const size_t count = CountCharacters(text);
  if (count <= width) return std::string(text);
  const size_t head = width / 2, tail = width - 1 - head;  // of characters that stay
  std::string result;
  size_t index = 0;  // of the character that a byte belongs to, from 1
  bool has_dots = false;
  for (const char byte : text) {
    if ((static_cast<unsigned char>(byte) & 0xC0) != 0x80) ++index;
    if (index <= head || index > count - tail) {
      result.push_back(byte);
    } else if (!has_dots) {
      absl::StrAppend(&result, "…");
      has_dots = true;
    }
  }
  return result;
}

std::vector<double> LinearTicks(double least, double greatest, int most) {
  if (!(least < greatest) || !std::isfinite(least) || !std::isfinite(greatest)) return {};
  const double room = kRounding * (greatest - least);
  for (double unit = std::pow(10.0, Exponent((greatest - least) / most));; unit *= 10.0) {
    for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
      const double step = factor * unit;
      const double first = std::ceil((least - room) / step);
      const double last = std::floor((greatest + room) / step);
      if (last - first + 1 > most) continue;
      std::vector<double> ticks;
      for (double i = first; i <= last; ++i) ticks.push_back(i * step);
      return ticks;
    }
  }
}

std::vector<double> LogTicks(double least, double greatest, int most) {
  std::vector<double> fine, coarse;
  if (!(0 < least && least < greatest) || !std::isfinite(greatest)) return {};
  for (int e = Exponent(least); e <= Exponent(greatest) + 1; ++e) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10.0, e);
      if (tick < least * (1 - kRounding) || tick > greatest * (1 + kRounding)) continue;
      fine.push_back(tick);
      if (factor == 1.0) coarse.push_back(tick);
    }
  }
  return static_cast<int>(fine.size()) <= most || coarse.size() < 2 ? fine : coarse;
}

}  // namespace gguf
