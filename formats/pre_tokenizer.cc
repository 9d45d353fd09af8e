#include "formats/pre_tokenizer.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "formats/sha256.h"
#include "formats/tokenizer_json.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

enum class Digits { kNone, kIndividual, kTogether };

// The steps that cut the text.
struct Definition {
  std::string split_digest;        // SHA-256 of the expressions of all Split steps; empty: none
  Digits digits = Digits::kNone;   // a Digits step
  bool punctuation = false;        // a Punctuation step
  bool byte_level_regex = false;   // ByteLevel cuts by the expression of GPT-2
  std::vector<std::string> known;  // for messages: the steps, in order
  bool has_unknown = false;        // a step that no known definition has
  bool adds_space = false;         // ByteLevel puts a space before the text
};

struct KnownPreTokenizer {
  absl::string_view name;
  absl::string_view split_digest;
  Digits digits;
  bool punctuation;
  bool byte_level_regex;
  bool ignore_merges;  // what runtimes infer from the name
};

// SHA-256 of the Split expressions of published tokenizer.json files.
constexpr KnownPreTokenizer kKnown[] = {
    {"llama-bpe", "d98f9631be1e9607a9848c26c1f9eac1aa9fc21ac6ba82a2fc0741af9780a48f", Digits::kNone,
     false, false, true},
    {"qwen2", "1ff7f41064896984db5d1bb6ff64fa4bc29007d08c1b439e505b7392777a319e", Digits::kNone,
     false, false, false},
    {"qwen35", "00431aed57e696b747435f734d1e3b9b1bfd931a121fb5cac7129e97c181e9ba", Digits::kNone,
     false, false, false},
    {"gpt-4o", "2d1b8dc11e89af71459b36004f698ab3693f59fd84f63e8ec2b49564ab857420", Digits::kNone,
     false, false, false},
    {"tekken", "1d64a9a8eaf9f1bd80331984d81fdd514e7feafe8df83a525dd31472f275699a", Digits::kNone,
     false, false, true},
    {"deepseek-llm", "03df5c5863ad70781dcfdef491ead25140f895fe8010964be0daefe27be32b02",
     Digits::kIndividual, false, false, false},
    {"deepseek-coder", "21cde974d587f0d54dc8d56b183cc1e6239600172035c68fbd6d4b9f8da0576e",
     Digits::kIndividual, false, false, false},
    {"deepseek-v3", "bdbec4969dff90af9fb73211496990842a88f438378a26f3da8621d62d71d010",
     Digits::kNone, false, false, false},
    {"falcon", "163dd89509292f5cc3f0bcace529181dedb4482be045256aa20f52a1f78ac3d2",
     Digits::kTogether, true, true, false},
    {"gpt-2", "", Digits::kNone, false, true, false},
    {"smollm", "", Digits::kIndividual, false, true, false},
};

// Other names of these, which readers know.
constexpr absl::string_view kAliases[] = {
    "llama3",      "llama-v3", "falcon3",   "pixtral", "lfm2",      "deepseek-r1-qwen",
    "stablelm2",   "megrez",   "llama4",    "kanana2", "phi-2",     "roberta-bpe",
    "modern-bert", "exaone4",  "starcoder", "refact",  "command-r", "codeshell",
    "exaone"};

std::string Digest(const std::string& text) {
  if (text.empty()) return "";
  Sha256 sha256;
  sha256.Update(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  return sha256.HexDigest();
}

bool TrueByDefault(const Json& step, absl::string_view key) {
  const Json* value = step.Find(key);
  return value == nullptr || value->boolean() == nullptr || *value->boolean();
}

// An expression safe to print, with its backslashes and quotes as they stand: it is for people to
// compare with tokenizer.json.
std::string Legible(absl::string_view expression) {
  return absl::StrReplaceAll(EscapeText(expression, 400), {{"\\\\", "\\"}, {"\\\"", "\""}});
}

void AddSplit(const Json& step, std::string* expressions, Definition* definition) {
  const Json* pattern = step.Find("pattern");
  const std::string* expression = pattern == nullptr ? nullptr : pattern->FindString("Regex");
  const std::string* behavior = step.FindString("behavior");
  if (expression == nullptr || behavior == nullptr || *behavior != "Isolated" ||
      step.FindTrue("invert")) {
    definition->has_unknown = true;
  }
  if (expression != nullptr) *expressions += *expression;
  const std::string* text = pattern == nullptr ? nullptr : pattern->FindString("String");
  std::string shown = expression != nullptr ? Legible(*expression)
                      : text != nullptr     ? absl::StrCat("the text '", Legible(*text), "'")
                                            : "without pattern";
  if (behavior != nullptr && *behavior != "Isolated") {
    absl::StrAppend(&shown, ", ", EscapeText(*behavior, 40));
  }
  if (step.FindTrue("invert")) absl::StrAppend(&shown, ", inverted");
  definition->known.push_back(absl::StrCat("Split(", shown, ")"));
}

void AddStep(const Json& step, std::string* expressions, Definition* definition) {
  if (HasType(&step, "Split")) return AddSplit(step, expressions, definition);
  const std::string* type = step.FindString("type");
  std::string name = type == nullptr ? "a step without type" : EscapeText(*type, 80);
  if (HasType(&step, "ByteLevel")) {
    const bool uses_regex = TrueByDefault(step, "use_regex");
    definition->byte_level_regex |= uses_regex;
    definition->adds_space |= TrueByDefault(step, "add_prefix_space");
    absl::StrAppend(&name, uses_regex ? "(use_regex)" : "");
  } else if (HasType(&step, "Digits")) {
    const bool individual = step.FindTrue("individual_digits");
    definition->digits = individual ? Digits::kIndividual : Digits::kTogether;
    absl::StrAppend(&name, individual ? "(individual)" : "");
  } else if (HasType(&step, "Punctuation")) {
    definition->punctuation = true;
  } else {
    definition->has_unknown = true;
  }
  definition->known.push_back(std::move(name));
}

Definition ReadDefinition(const Json& tokenizer_json) {
  Definition definition;
  std::string expressions;
  for (const Json* step : Flatten(tokenizer_json.Find("pre_tokenizer"), "pretokenizers")) {
    AddStep(*step, &expressions, &definition);
  }
  definition.split_digest = Digest(expressions);
  return definition;
}

const KnownPreTokenizer* Find(const Definition& definition) {
  if (definition.has_unknown) return nullptr;
  for (const KnownPreTokenizer& known : kKnown) {
    if (known.split_digest == definition.split_digest && known.digits == definition.digits &&
        known.punctuation == definition.punctuation &&
        known.byte_level_regex == definition.byte_level_regex) {
      return &known;
    }
  }
  return nullptr;
}

std::string Names() {
  return absl::StrJoin(kKnown, ", ", [](std::string* out, const KnownPreTokenizer& known) {
    out->append(known.name.data(), known.name.size());
  });
}

void WarnOfNormalizers(absl::string_view file_name, const Json& tokenizer_json,
                       std::vector<std::string>* warnings) {
  for (const Json* step : Flatten(tokenizer_json.Find("normalizer"), "normalizers")) {
    if (HasType(step, "NFC")) continue;
    const std::string* type = step->FindString("type");
    warnings->push_back(absl::StrCat(
        file_name, ": the normalizer ", type == nullptr ? "without a type" : EscapeText(*type, 80),
        " cannot be expressed in a GGUF and is left out; texts that it changes will get other "
        "tokens."));
  }
}

}  // namespace

absl::StatusOr<std::string> RecognizePreTokenizer(absl::string_view file_name,
                                                  const Json& tokenizer_json,
                                                  std::vector<std::string>* warnings) {
  const Definition definition = ReadDefinition(tokenizer_json);
  const KnownPreTokenizer* known = Find(definition);
  if (known == nullptr) {
    return absl::UnimplementedError(absl::StrCat(
        file_name, ": the pre-tokenizer is none of the known ones: ",
        definition.known.empty() ? "it has no steps" : absl::StrJoin(definition.known, ", "),
        "; if it is the same as a known one, choose that with --pre NAME (", Names(), ")."));
  }
  if (definition.adds_space) {
    warnings->push_back(absl::StrCat(file_name,
                                     ": add_prefix_space of the pre-tokenizer cannot be expressed "
                                     "in a GGUF; a text's first word will get other tokens."));
  }
  WarnOfNormalizers(file_name, tokenizer_json, warnings);
  const Json* model = tokenizer_json.Find("model");
  const bool ignores_merges = model != nullptr && model->FindTrue("ignore_merges");
  if (ignores_merges != known->ignore_merges) {
    warnings->push_back(absl::StrCat(file_name, ": model.ignore_merges is ",
                                     ignores_merges ? "true" : "false",
                                     ", and a GGUF's reader assumes the opposite of pre-tokenizer ",
                                     known->name, "; some words may get other tokens."));
  }
  return std::string(known->name);
}

absl::Status CheckPreTokenizerName(absl::string_view name) {
  const bool is_known =
      std::any_of(std::begin(kKnown), std::end(kKnown),
                  [&](const KnownPreTokenizer& known) { return known.name == name; }) ||
      std::find(std::begin(kAliases), std::end(kAliases), name) != std::end(kAliases);
  if (is_known) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the pre-tokenizer '", EscapeText(name, 80), "' is unknown; known are ", Names(),
                   " and their aliases ", absl::StrJoin(kAliases, ", ")));
}

}  // namespace gguf
