// The tables behind DecideTypes: what a name means and which type a recipe gives it. Private to the
// recipe library. Source of all rows: llama.cpp src/llama-quant.cpp, August 2026.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_RECIPE_TABLES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_RECIPE_TABLES_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "gguf/tensor_type.h"

namespace gguf::recipe_tables {

// What a weight does, by its name.
enum class Category : uint32_t {
  kOutput,
  kTokenEmbedding,
  kQkv,
  kKvB,
  kV,
  kK,
  kQ,
  kAttentionOutput,
  kUp,
  kGate,
  kDown,
  kOther,
};

constexpr uint32_t Bit(Category category) { return 1u << static_cast<uint32_t>(category); }

constexpr uint32_t kVLike = Bit(Category::kV) | Bit(Category::kQkv) | Bit(Category::kKvB);
// Categories whose rules look at a layer position.
constexpr uint32_t kFeedForward = Bit(Category::kUp) | Bit(Category::kGate) | Bit(Category::kDown);
constexpr uint32_t kAnyCategory = ~0u;

enum class NameMatch { kEquals, kContains, kTimeMix };

struct CategoryName {
  NameMatch match;
  absl::string_view text;
  Category category;
};
// The first match counts; kOther without one.
absl::Span<const CategoryName> CategoryNames();

struct ExcludedName {
  NameMatch match;
  absl::string_view text;
};
// Names that keep their type. kTimeMix: contains "time_mix_", the text and ".weight" in one piece.
absl::Span<const ExcludedName> ExcludedNames();

// What may be true of a tensor when its type is chosen. (i, n) is its position: for V-like tensors
// their running number and how many the model has, for the feed-forward categories the layer and
// the number of layers. Divisions are integer divisions.
enum Condition : uint32_t {
  kAlways = 0,
  kGrouped4 = 1u << 0,  // at least 4 query heads share a key-value head
  kExpertsAtLeast4 = 1u << 1,
  kExperts8 = 1u << 2,
  kNotExperts8 = 1u << 3,
  kFalcon = 1u << 4,
  kNotFalcon = 1u << 5,
  kImportance = 1u << 6,
  kNoImportance = 1u << 7,
  kFirst2 = 1u << 8,        // i < 2
  kFirst4 = 1u << 9,        // i < 4
  kFirst16th = 1u << 10,    // i < n/16
  kFirst8th = 1u << 11,     // i < n/8
  kMiddle = 1u << 12,       // n/8 <= i < 7n/8
  kMore = 1u << 13,         // i < n/8, or i >= 7n/8, or (i - n/8) % 3 == 2
  kStacked = 1u << 14,      // several matrices: experts
  kOddRow = 1u << 15,       // blocks of the recipe's default type do not divide the row
  kNotBailing3 = 1u << 16,  // architecture other than bailingmoe3
  k70B = 1u << 17,          // a size class of its own, see SizeClass70B
};

// "These recipes give these categories that type where all conditions hold." No type: the recipe's
// default. The first row that applies decides; without one it is the default too.
struct MixtureRule {
  uint64_t recipes;     // bits by general.file_type
  uint32_t categories;  // bits by Category
  uint32_t conditions;  // bits of Condition
  absl::optional<TensorType> type;
};
absl::Span<const MixtureRule> MixtureRules();

// Applied one after the other to what the mixture chose. No `from`: any type.
struct Correction {
  uint64_t recipes;
  uint32_t categories;
  uint32_t conditions;
  absl::optional<TensorType> from;
  TensorType to;
};
absl::Span<const Correction> Corrections();

// The recipes whose feed-forward rows count tensors even in models with experts; the others take
// the layer number from the name there.
bool CountsExperts(uint32_t file_type);

// Where blocks of `type` do not divide a row.
struct Fallback {
  TensorType type;
  TensorType fallback;
};
absl::Span<const Fallback> Fallbacks();

// Models whose V tensors are few and small enough to deserve more bits.
struct SizeClass70B {
  absl::string_view architecture;
  uint64_t num_layers;
  bool needs_grouping;  // only when query and key-value heads differ in number
};
absl::Span<const SizeClass70B> SizeClasses70B();

// True when a tensor of this type, decided by recipe `file_type`, is refused without importance.
bool TypeRequiresImportance(TensorType type, uint32_t file_type);

}  // namespace gguf::recipe_tables

#endif  // GGUF_TOOLCHAIN_QUANTIZE_RECIPE_TABLES_H_
