// Numbers as people read them.

#ifndef GGUF_TOOLCHAIN_TOOLS_REPORT_FIGURES_H_
#define GGUF_TOOLCHAIN_TOOLS_REPORT_FIGURES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gguf {

// With `digits` significant digits, in exponential form from 1e15 only: 1234.5 -> "1230" (3), 0.012345 ->
// "0.0123" (3). At most ten decimals.
std::string Significant(double value, int digits);

// "40.63 ± 0.94": the error with two significant digits, the value with as many decimals (at most
// six). Without an error three significant digits.
std::string WithError(double value, double error);

// "7.1 %", "0.53 %", "12 %", "100 %": a share with two significant digits (three from 10 %).
std::string Percent(double share);

// "27 ms", "1.53 s".
std::string Seconds(double seconds);

// `text` with "…" in the middle when it has more than `width` (at least 3) characters.
std::string Elide(absl::string_view text, size_t width);

// FormatSize of a count that is a double; "-" for what is no count.
std::string SizeText(double bytes);

// Characters of UTF-8 text.
size_t CountCharacters(absl::string_view text);

// At most `most` (at least 2) round numbers (1, 2, 2.5 or 5 times a power of ten apart) within
// [least, greatest]; none unless least < greatest.
std::vector<double> LinearTicks(double least, double greatest, int most);

// 1, 2 and 5 times powers of ten within [least, greatest]; powers of ten alone when that would be
// more than `most`, and there are two. None unless both are finite and 0 < least < greatest.
std::vector<double> LogTicks(double least, double greatest, int most);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_REPORT_FIGURES_H_
