// Bytes per second of encoding a mebibyte, for every golden tokenizer and several kinds of text,
// some of them chosen to be as slow as possible. Run from the root of the repository.

#include <cstdint>
#include <functional>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "gguf/io/file.h"
#include "runtime/tokenizer/testing.h"
#include "runtime/tokenizer/tokenizer.h"

namespace gguf {
namespace {

constexpr size_t kNumBytes = size_t{1} << 20;

std::string Repeat(const std::string& part) {
  std::string text;
  while (text.size() < kNumBytes) text += part;
  text.resize(kNumBytes);
  return text;
}

std::string Prose() {
  const auto text = ReadFileToString("testdata/kjv-llama/calibration.txt", kNumBytes);
  return Repeat(text.ok() ? *text : std::string("In the beginning. "));
}

// Words that hardly ever repeat.
std::string RandomWords() {
  std::mt19937 random(1);
  std::string text;
  while (text.size() < kNumBytes) {
    for (uint32_t length = 1 + random() % 12; length > 0; --length) {
      text.push_back(static_cast<char>('a' + random() % 26));
    }
    text.push_back(' ');
  }
  text.resize(kNumBytes);
  return text;
}

std::string RandomBytes() {
  std::mt19937 random(1);
  std::string text(kNumBytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// Chinese characters at random, now and then a full stop.
std::string Ideographs() {
  std::mt19937 random(1);
  std::string text;
  while (text.size() < kNumBytes) {
    const uint32_t c = random() % 20 == 0 ? 0x3002 : 0x4E00 + random() % 5000;
    text.push_back(static_cast<char>(0xE0 | c >> 12));
    text.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    text.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
  return text;
}

struct TextKind {
  const char* name;
  std::function<std::string()> make;
};
const TextKind kTextKinds[] = {
    {"prose", Prose},
    {"random_words", RandomWords},
    {"ideographs", Ideographs},
    {"random_bytes", RandomBytes},
    {"one_letter", [] { return Repeat("e"); }},
    {"one_capital", [] { return Repeat("E"); }},
    {"spaces", [] { return Repeat(" ") + "x"; }},
    {"line_breaks", [] { return Repeat(" \n") + "x"; }},
    {"punctuation", [] { return Repeat("!?"); }},
    {"digits", [] { return Repeat("7"); }},
    {"markers", [] { return Repeat("<|im_end|>\n<s></s><end_of_turn>[MASK]<|eot_id|>"); }},
};

void BM_Encode(benchmark::State& state, const GoldenTokenizer& golden, const TextKind& kind) {
  const auto metadata = GoldenMetadata(golden);
  if (!metadata.ok()) return state.SkipWithError(metadata.status().ToString().c_str());
  const auto tokenizer = Tokenizer::Load(*metadata);
  if (!tokenizer.ok()) return state.SkipWithError(tokenizer.status().ToString().c_str());
  const std::string text = kind.make();
  for (auto _ : state) {
    const auto ids = (*tokenizer)->Encode(text);
    if (!ids.ok()) return state.SkipWithError(ids.status().ToString().c_str());
    benchmark::DoNotOptimize(ids->data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void BM_Load(benchmark::State& state, const GoldenTokenizer& golden) {
  const auto metadata = GoldenMetadata(golden);
  if (!metadata.ok()) return state.SkipWithError(metadata.status().ToString().c_str());
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::Load(*metadata).ok());
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  for (const auto& golden : gguf::kGoldenTokenizers) {
    benchmark::RegisterBenchmark(absl::StrCat("load/", golden.name).c_str(), gguf::BM_Load, golden);
    for (const auto& kind : gguf::kTextKinds) {
      benchmark::RegisterBenchmark(absl::StrCat(golden.name, "/", kind.name).c_str(),
                                   gguf::BM_Encode, golden, kind)
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
