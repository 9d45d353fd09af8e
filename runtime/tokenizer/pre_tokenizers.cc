#include "runtime/tokenizer/pre_tokenizers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace gguf {
namespace {

using Text = absl::string_view;

// ---- Expressions, in PCRE syntax, as the models' own tokenizer.json have them

constexpr Text kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr Text kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Text kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Text kQwen35 = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
                         R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Text kO200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Text kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr Text kDeepSeekV3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Letters with case, spelled out: the model's authors listed one Unicode version's.
constexpr Text kDeepSeekLetters =
    R"(\s?[)"
    R"(A-Za-z\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf})"
    R"(\x{1c4}-\x{293}\x{295}-\x{2af}\x{370}-\x{373}\x{376}\x{377}\x{37b}-\x{37d})"
    R"(\x{37f}\x{386}\x{388}-\x{38a}\x{38c}\x{38e}-\x{3a1}\x{3a3}-\x{3f5})"
    R"(\x{3f7}-\x{481}\x{48a}-\x{52f}\x{531}-\x{556}\x{10a0}-\x{10c5}\x{13a0}-\x{13f5})"
    R"(\x{13f8}-\x{13fd}\x{1c90}-\x{1cba}\x{1cbd}-\x{1cbf}\x{1d00}-\x{1d2b})"
    R"(\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a}\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d})"
    R"(\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d}\x{1f50}-\x{1f57}\x{1f59}\x{1f5b}\x{1f5d})"
    R"(\x{1f5f}-\x{1f7d}\x{1f80}-\x{1fb4}\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4})"
    R"(\x{1fc6}-\x{1fcc}\x{1fd0}-\x{1fd3}\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec})"
    R"(\x{1ff2}-\x{1ff4}\x{1ff6}-\x{1ffc}\x{2102}\x{2107}\x{210a}-\x{2113}\x{2115})"
    R"(\x{2119}-\x{211d}\x{2124}\x{2126}\x{2128}\x{212a}-\x{212d}\x{212f}-\x{2134})"
    R"(\x{2139}\x{213c}-\x{213f}\x{2145}-\x{2149}\x{214e}\x{2183}\x{2184})"
    R"(\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4}\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3})"
    R"(\x{a640}-\x{a66d}\x{a680}-\x{a69b}\x{a722}-\x{a76f}\x{a771}-\x{a787})"
    R"(\x{a78b}-\x{a78e}\x{ab70}-\x{abbf}\x{fb00}-\x{fb06}\x{fb13}-\x{fb17})"
    R"(\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}\x{10400}-\x{1044f}\x{104b0}-\x{104d3})"
    R"(\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}\x{118a0}-\x{118df})"
    R"(\x{1e900}-\x{1e943})"
    R"(]+)";
constexpr Text kDeepSeekPunctuation =
    R"(\s?[!-/:-~\x{ff01}-\x{ff0f}\x{ff1a}-\x{ff5e}\x{2018}-\x{201f}\x{3000}-\x{3002}]+)";
// White space at the end of a piece. The look-behind finds nothing else, but without it and the
// possessive `++` a long run of spaces elsewhere would take time that is quadratic in its length.
constexpr Text kTrailingSpace = R"((?<!\s)\s++$)";
constexpr Text kEastAsian = R"([\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+)";
constexpr Text kHanAndKana = R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)";
constexpr Text kLineBreak = R"([\r\n])";
constexpr Text kDigit = R"(\p{N})";
constexpr Text kUpToThreeDigits = R"(\p{N}{1,3})";
constexpr Text kThreeDigits = R"([0-9][0-9][0-9])";

// ---- Lists of them

constexpr Text kGpt2List[] = {kGpt2};
constexpr Text kLlama3List[] = {kLlama3};
constexpr Text kQwen2List[] = {kQwen2};
constexpr Text kQwen35List[] = {kQwen35};
constexpr Text kO200kList[] = {kO200k};
constexpr Text kTekkenList[] = {kTekken};
constexpr Text kSmollmList[] = {kDigit, kGpt2};
constexpr Text kDeepSeekLlmList[] = {kLineBreak,     kDeepSeekLetters, kDeepSeekPunctuation,
                                     kTrailingSpace, kEastAsian,       kDigit};
constexpr Text kDeepSeekCoderList[] = {kLineBreak, R"(\s?\p{L}+)", R"(\s?\p{P}+)", kEastAsian,
                                       kDigit};
constexpr Text kDeepSeekV3List[] = {kUpToThreeDigits, kHanAndKana, kDeepSeekV3};
constexpr Text kFalconList[] = {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, kThreeDigits};
// What a file without the key gets.
constexpr Text kDefaultList[] = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", kThreeDigits};

constexpr Text kGpt2Aliases[] = {"phi-2", "modern-bert", "roberta-bpe", "exaone4"};
constexpr Text kLlama3Aliases[] = {"llama3", "llama-v3", "falcon3", "pixtral", "lfm2"};
constexpr Text kQwen2Aliases[] = {"deepseek-r1-qwen", "stablelm2", "megrez"};
constexpr Text kO200kAliases[] = {"llama4", "kanana2"};
constexpr Text kSmollmAliases[] = {"starcoder", "refact", "command-r", "codeshell", "exaone"};

constexpr PreTokenizerInfo kPreTokenizers[] = {
    // name, aliases, expressions, ignore_merges, add_bos
    {"default", {}, kDefaultList, false, false},
    {"deepseek-coder", {}, kDeepSeekCoderList, false, false},
    {"deepseek-llm", {}, kDeepSeekLlmList, false, false},
    {"deepseek-v3", {}, kDeepSeekV3List, false, false},
    {"falcon", {}, kFalconList, false, false},
    {"gpt-2", kGpt2Aliases, kGpt2List, false, false},
    {"gpt-4o", kO200kAliases, kO200kList, false, false},
    {"llama-bpe", kLlama3Aliases, kLlama3List, true, true},
    {"qwen2", kQwen2Aliases, kQwen2List, false, false},
    {"qwen35", {}, kQwen35List, false, false},
    {"smollm", kSmollmAliases, kSmollmList, false, false},
    {"tekken", {}, kTekkenList, true, true},
};

}  // namespace

absl::Span<const PreTokenizerInfo> PreTokenizers() { return kPreTokenizers; }

const PreTokenizerInfo* FindPreTokenizer(absl::string_view name) {
  for (const PreTokenizerInfo& info : kPreTokenizers) {
    if (info.name == name ||
        std::find(info.aliases.begin(), info.aliases.end(), name) != info.aliases.end()) {
      return &info;
    }
  }
  return nullptr;
}

std::string PreTokenizerNames() {
  return absl::StrJoin(kPreTokenizers, ", ", [](std::string* out, const PreTokenizerInfo& info) {
    absl::StrAppend(out, info.name);
    for (const Text alias : info.aliases) absl::StrAppend(out, ", ", alias);
  });
}

}  // namespace gguf
