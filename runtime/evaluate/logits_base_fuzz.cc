// Any bytes: the reader answers with an error, or with rows that are probabilities.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gguf/io/memory_file.h"
#include "runtime/evaluate/logits_base.h"

namespace gguf {
namespace {

constexpr size_t kMostRows = 16;
constexpr uint32_t kMostVocabulary = 1 << 12;  // a model's own decides otherwise

void Require(bool condition) {
  if (!condition) std::abort();
}

void ReadRows(LogitsBaseReader* base) {
  std::vector<float> row(base->vocabulary());
  float floor = 0.0f;
  for (size_t r = 0; r < kMostRows && base->ReadRows(1).ok(); ++r) {
    if (!base->DecodeRow(0, absl::MakeSpan(row), &floor).ok()) continue;
    double sum = 0.0;
    for (const float value : row) sum += std::exp(double{value});
    Require(std::abs(sum - 1.0) < 1e-3);
    Require(std::isfinite(floor));
  }
}

}  // namespace
}  // namespace gguf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto base =
      gguf::LogitsBaseReader::Open(std::make_unique<gguf::MemoryFile>("fuzz", std::move(bytes)));
  if (!base.ok()) return 0;
  const gguf::TextWindows& windows = (*base)->windows();
  gguf::Require(windows.tokens.size() == size_t{windows.count} * windows.context);
  if ((*base)->vocabulary() <= gguf::kMostVocabulary) gguf::ReadRows(base->get());
  return 0;
}
