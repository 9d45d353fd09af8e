#include "formats/hyperparameters.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "formats/vision/gemma3_keys.h"
#include "formats/vision/tower_family.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

bool IsClose(double a, double b) {
  return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

absl::optional<double> NumberOf(const Metadata& metadata, absl::string_view key) {
  if (const auto value = metadata.GetFloat(key); value.ok()) return *value;
  if (const auto value = metadata.GetInt(key); value.ok()) return static_cast<double>(*value);
  if (const auto value = metadata.GetUint(key); value.ok()) return static_cast<double>(*value);
  return absl::nullopt;
}

bool IsArray(const Value& value) { return std::holds_alternative<Array>(value.data); }

// One number for all layers and a list of them are two ways to say a thing, and not compared.
bool AreDifferent(const Metadata& a, const Metadata& b, absl::string_view key) {
  const Value *x = a.Find(key), *y = b.Find(key);
  if (x == nullptr || y == nullptr || IsArray(*x) != IsArray(*y)) return false;
  const absl::optional<double> m = NumberOf(a, key), n = NumberOf(b, key);
  if (m.has_value() && n.has_value()) return !IsClose(*m, *n);
  return x->ToString() != y->ToString();
}

// Gives a model of gemma3 the keys that it may leave out, under both containers' names.
void Complete(Metadata* metadata) {
  std::vector<std::string> changes;
  // A context length that is no number shows where it is compared.
  (void)gemma3::AddEngineKeys(metadata, &changes);
  for (const gemma3::RopeKey& key : gemma3::kRopeKeys) {
    const Value* found = metadata->Find(key.llama_cpp);
    if (found == nullptr) found = metadata->Find(key.ollama);
    const Value value = found == nullptr ? Value(key.usual) : *found;
    for (const absl::string_view name : {key.llama_cpp, key.ollama}) {
      gemma3::AddKey(name, value, metadata, &changes);
    }
  }
}

bool IsTowerKey(absl::string_view key) {
  const auto prefixes = OllamaTowerKeyPrefixes();
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](absl::string_view prefix) { return absl::StartsWith(key, prefix); });
}

std::string Sentence(absl::string_view key, absl::string_view found, absl::string_view expected) {
  return absl::StrCat("key ", EscapeText(key, 80), ": is ", EscapeText(found, 80), ", expected ",
                      EscapeText(expected, 80), " as in the reference");
}

// Under which names the containers have a tower's number.
struct TowerKey {
  absl::string_view mmproj, ollama;
  uint64_t TowerSizes::*size;
};
constexpr TowerKey kTowerKeys[] = {
    {"clip.vision.block_count", "gemma3.vision.block_count", &TowerSizes::blocks},
    {"clip.vision.embedding_length", "gemma3.vision.embedding_length", &TowerSizes::width},
    {"clip.vision.feed_forward_length", "gemma3.vision.feed_forward_length",
     &TowerSizes::feed_forward},
    {"clip.vision.attention.head_count", "gemma3.vision.attention.head_count", &TowerSizes::heads},
    {"clip.vision.image_size", "gemma3.vision.image_size", &TowerSizes::image_size},
    {"clip.vision.patch_size", "gemma3.vision.patch_size", &TowerSizes::patch_size},
    {"clip.vision.projector.scale_factor", "gemma3.mm.tokens_per_image (side of a pool)",
     &TowerSizes::pool},
};

}  // namespace

std::vector<std::string> DifferentHyperparameters(const Metadata& model,
                                                  const Metadata& reference) {
  const std::string architecture =
      reference.GetStringOr(keys::kGeneralArchitecture, "").value_or("");
  const std::string found = model.GetStringOr(keys::kGeneralArchitecture, "").value_or("");
  if (found != architecture) return {Sentence(keys::kGeneralArchitecture, found, architecture)};
  Metadata ours = model, theirs = reference;
  if (architecture == gemma3::kArchitecture) {
    Complete(&ours);
    Complete(&theirs);
  }
  std::vector<std::string> differences;
  for (const auto& entry : theirs.entries()) {
    const std::string& key = entry.first;
    if (!absl::StartsWith(key, absl::StrCat(architecture, ".")) || IsTowerKey(key) ||
        absl::EndsWith(key, ".vocab_size") || !AreDifferent(ours, theirs, key)) {
      continue;
    }
    differences.push_back(Sentence(key, ours.Find(key)->ToString(), theirs.Find(key)->ToString()));
  }
  return differences;
}

std::vector<std::string> DifferentTowers(const TowerSizes& model, const TowerSizes& reference,
                                         bool is_ollama, bool has_colors) {
  std::vector<std::string> differences;
  const auto compare = [&](absl::string_view key, double found, double expected) {
    if (IsClose(found, expected)) return;
    differences.push_back(Sentence(key, absl::StrCat(found), absl::StrCat(expected)));
  };
  if (model.family != reference.family) {
    return {
        Sentence(keys::kClipProjectorType, model.family->projector, reference.family->projector)};
  }
  for (const TowerKey& key : kTowerKeys) {
    compare(is_ollama ? key.ollama : key.mmproj, static_cast<double>(model.*key.size),
            static_cast<double>(reference.*key.size));
  }
  compare(is_ollama ? "gemma3.vision.attention.layer_norm_epsilon"
                    : "clip.vision.attention.layer_norm_epsilon",
          model.epsilon, reference.epsilon);
  for (size_t i = 0; has_colors && i < model.image_mean.size(); ++i) {
    compare("clip.vision.image_mean", model.image_mean[i], reference.image_mean[i]);
    compare("clip.vision.image_std", model.image_std[i], reference.image_std[i]);
  }
  return differences;
}

}  // namespace gguf
