// The data of all recipes. A new recipe is a row in kRecipes and, where it mixes types, its bit or
// rows in kMixture.

#include "absl/types/span.h"
#include "quantize/recipe.h"
#include "quantize/recipe_tables.h"

namespace gguf {
namespace {

using T = TensorType;

// Values of general.file_type.
enum FileType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ8_0 = 7,
  kQ5_0 = 8,
  kQ5_1 = 9,
  kQ2_K = 10,
  kQ3_K_S = 11,
  kQ3_K_M = 12,
  kQ3_K_L = 13,
  kQ4_K_S = 14,
  kQ4_K_M = 15,
  kQ5_K_S = 16,
  kQ5_K_M = 17,
  kQ6_K = 18,
  kIQ2_XXS = 19,
  kIQ2_XS = 20,
  kQ2_K_S = 21,
  kIQ3_XS = 22,
  kIQ3_XXS = 23,
  kIQ1_S = 24,
  kIQ4_NL = 25,
  kIQ3_S = 26,
  kIQ3_M = 27,
  kIQ2_S = 28,
  kIQ2_M = 29,
  kIQ4_XS = 30,
  kIQ1_M = 31,
  kBF16 = 32,
  kTQ1_0 = 36,
  kTQ2_0 = 37,
  kMXFP4_MOE = 38,
  kNVFP4 = 39,
  kQ1_0 = 40,
  kQ2_0 = 41,
};

// name, general.file_type, default type, is_quantized, requires_importance, is_uniform
constexpr Recipe kRecipes[] = {
    {"F32", kF32, T::kF32, false, false},
    {"F16", kF16, T::kF16, false, false},
    {"Q4_0", kQ4_0, T::kQ4_0, true, false},
    {"Q4_1", kQ4_1, T::kQ4_1, true, false},
    {"Q8_0", kQ8_0, T::kQ8_0, true, false},
    {"Q5_0", kQ5_0, T::kQ5_0, true, false},
    {"Q5_1", kQ5_1, T::kQ5_1, true, false},
    {"Q2_K", kQ2_K, T::kQ2_K, true, false},
    {"Q3_K_S", kQ3_K_S, T::kQ3_K, true, false},
    {"Q3_K_M", kQ3_K_M, T::kQ3_K, true, false},
    {"Q3_K_L", kQ3_K_L, T::kQ3_K, true, false},
    {"Q4_K_S", kQ4_K_S, T::kQ4_K, true, false},
    {"Q4_K_M", kQ4_K_M, T::kQ4_K, true, false},
    {"Q5_K_S", kQ5_K_S, T::kQ5_K, true, false},
    {"Q5_K_M", kQ5_K_M, T::kQ5_K, true, false},
    {"Q6_K", kQ6_K, T::kQ6_K, true, false},
    {"IQ2_XXS", kIQ2_XXS, T::kIQ2_XXS, true, true},
    {"IQ2_XS", kIQ2_XS, T::kIQ2_XS, true, true},
    {"Q2_K_S", kQ2_K_S, T::kQ2_K, true, true},
    {"IQ3_XS", kIQ3_XS, T::kIQ3_S, true, true},  // contains IQ3_XXS tensors
    {"IQ3_XXS", kIQ3_XXS, T::kIQ3_XXS, true, true},
    {"IQ1_S", kIQ1_S, T::kIQ1_S, true, true},
    {"IQ4_NL", kIQ4_NL, T::kIQ4_NL, true, false},
    {"IQ3_S", kIQ3_S, T::kIQ3_S, true, false},
    {"IQ3_M", kIQ3_M, T::kIQ3_S, true, false},
    {"IQ2_S", kIQ2_S, T::kIQ2_XS, true, true},  // not IQ2_S: the name is a size, not the type
    {"IQ2_M", kIQ2_M, T::kIQ2_S, true, true},
    {"IQ4_XS", kIQ4_XS, T::kIQ4_XS, true, false},
    {"IQ1_M", kIQ1_M, T::kIQ1_M, true, true},
    {"BF16", kBF16, T::kBF16, false, false},
    {"TQ1_0", kTQ1_0, T::kTQ1_0, true, false},
    {"TQ2_0", kTQ2_0, T::kTQ2_0, true, false},
    {"MXFP4_MOE", kMXFP4_MOE, T::kMXFP4, true, false},
    {"MXFP4", kMXFP4_MOE, T::kMXFP4, true, false, true},  // file types know no other MXFP4
    {"NVFP4", kNVFP4, T::kNVFP4, true, false, true},
    {"Q1_0", kQ1_0, T::kQ1_0, true, false},
    {"Q2_0", kQ2_0, T::kQ2_0, true, false},
};

}  // namespace

absl::Span<const Recipe> AllRecipes() { return kRecipes; }

namespace recipe_tables {
namespace {

template <typename... FileTypes>
constexpr uint64_t Recipes(FileTypes... file_types) {
  return (... | (uint64_t{1} << file_types));
}

constexpr uint64_t kAnyRecipe = ~uint64_t{0};
constexpr uint64_t k1Bit = Recipes(kIQ1_S, kIQ1_M);
constexpr uint64_t k2BitLarge = Recipes(kIQ2_S, kIQ2_M);
constexpr uint64_t kLowBit = k1Bit | k2BitLarge | Recipes(kIQ2_XXS, kIQ2_XS);
constexpr uint64_t kMoe = Recipes(kMXFP4_MOE);
constexpr uint64_t k4BitNonlinear = Recipes(kIQ4_NL, kIQ4_XS);
// Give the attention output of an eight-expert model, small beside its experts, Q5_K.
constexpr uint64_t kRaiseAttentionOutput = Recipes(
    kQ2_K, kIQ3_XS, kIQ3_XXS, kQ3_K_S, kQ3_K_M, kIQ4_NL, kQ4_K_S, kQ4_K_M, kIQ3_S, kIQ3_M, kIQ4_XS);

constexpr uint32_t kOut = Bit(Category::kOutput);
constexpr uint32_t kTok = Bit(Category::kTokenEmbedding);
constexpr uint32_t kKey = Bit(Category::kK);
constexpr uint32_t kQueryKey = Bit(Category::kQ) | kKey;
constexpr uint32_t kAttnOut = Bit(Category::kAttentionOutput);
constexpr uint32_t kGateUp = Bit(Category::kGate) | Bit(Category::kUp);
constexpr uint32_t kDown = Bit(Category::kDown);
constexpr absl::nullopt_t kDefault = absl::nullopt;

constexpr CategoryName kCategoryNames[] = {
    {NameMatch::kEquals, "output.weight", Category::kOutput},
    {NameMatch::kEquals, "token_embd.weight", Category::kTokenEmbedding},
    {NameMatch::kEquals, "per_layer_token_embd.weight", Category::kTokenEmbedding},
    {NameMatch::kContains, "attn_qkv.weight", Category::kQkv},
    {NameMatch::kContains, "attn_kv_b.weight", Category::kKvB},
    {NameMatch::kContains, "attn_v.weight", Category::kV},
    {NameMatch::kContains, "attn_k.weight", Category::kK},
    {NameMatch::kContains, "attn_q.weight", Category::kQ},
    {NameMatch::kContains, "attn_output.weight", Category::kAttentionOutput},
    {NameMatch::kContains, "ffn_up", Category::kUp},
    {NameMatch::kContains, "ffn_gate", Category::kGate},
    {NameMatch::kContains, "ffn_down", Category::kDown},
};

constexpr ExcludedName kExcludedNames[] = {
    {NameMatch::kContains, "_norm.weight"},
    {NameMatch::kContains, "ffn_gate_inp.weight"},
    {NameMatch::kContains, "ffn_gate_tid2eid.weight"},
    {NameMatch::kContains, "altup"},
    {NameMatch::kContains, "laurel"},
    {NameMatch::kContains, "per_layer_model_proj"},
    {NameMatch::kEquals, "position_embd.weight"},
    {NameMatch::kEquals, "token_types.weight"},
    {NameMatch::kContains, "ssm_conv1d"},
    {NameMatch::kContains, "shortconv.conv.weight"},
    {NameMatch::kContains, "indexer.k_proj.weight"},
    {NameMatch::kContains, "indexer.q_proj.weight"},
    {NameMatch::kTimeMix, "first"},
    {NameMatch::kTimeMix, "w0"},
    {NameMatch::kTimeMix, "w1"},
    {NameMatch::kTimeMix, "w2"},
    {NameMatch::kTimeMix, "v0"},
    {NameMatch::kTimeMix, "v1"},
    {NameMatch::kTimeMix, "v2"},
    {NameMatch::kTimeMix, "a0"},
    {NameMatch::kTimeMix, "a1"},
    {NameMatch::kTimeMix, "a2"},
    {NameMatch::kTimeMix, "g1"},
    {NameMatch::kTimeMix, "g2"},
    {NameMatch::kTimeMix, "decay_w1"},
    {NameMatch::kTimeMix, "decay_w2"},
    {NameMatch::kTimeMix, "lerp_fused"},
    {NameMatch::kContains, "attn_rel_b.weight"},
    {NameMatch::kContains, ".position_embd"},
    {NameMatch::kContains, "sam.pos_embd"},
    {NameMatch::kContains, "sam.neck."},
    {NameMatch::kContains, "sam.net_"},
    {NameMatch::kContains, ".rel_pos"},
    {NameMatch::kContains, ".patch_embd"},
    {NameMatch::kContains, ".patch_merger"},
    {NameMatch::kContains, "a.rvq.codebook"},
    {NameMatch::kContains, "mm.a.code_embd"},
};

constexpr MixtureRule kMixture[] = {
    // The output matrix, and token embeddings that serve as one.
    {kMoe, kOut, kAlways, T::kQ8_0},
    {kAnyRecipe, kOut, kFalcon, T::kQ8_0},
    {kAnyRecipe, kOut, kOddRow, T::kQ8_0},
    {kLowBit | Recipes(kIQ3_XXS), kOut, kAlways, T::kQ5_K},
    {Recipes(kQ8_0), kOut, kAlways, kDefault},
    {kAnyRecipe, kOut, kAlways, T::kQ6_K},

    // MXFP4 for experts, Q8_0 for the rest.
    {kMoe, kFeedForward, kStacked, T::kMXFP4},
    {kMoe, kAnyCategory, kStacked | kNotBailing3, T::kMXFP4},
    {kMoe, kAnyCategory, kAlways, T::kQ8_0},

    // Token embeddings beside an output matrix.
    {k1Bit | Recipes(kIQ2_XXS, kIQ2_XS), kTok, kAlways, T::kQ2_K},
    {k2BitLarge | Recipes(kIQ3_XXS), kTok, kAlways, T::kIQ3_S},
    {Recipes(kTQ1_0, kTQ2_0, kQ2_0), kTok, kAlways, T::kQ4_K},

    // One and two bits.
    {kLowBit, kVLike, kGrouped4, T::kQ4_K},
    {kLowBit, kVLike, kExpertsAtLeast4, T::kQ4_K},
    {k2BitLarge, kVLike, kAlways, T::kIQ3_S},
    {kLowBit, kVLike, kAlways, T::kQ2_K},
    {kLowBit, kKey, kExperts8, T::kQ4_K},
    {k2BitLarge, kDown, kFirst8th, T::kIQ3_S},
    {kLowBit, kDown, kFirst8th, T::kQ2_K},
    {kLowBit, kAttnOut, kExperts8, T::kQ5_K},
    {k1Bit, kAttnOut, kAlways, T::kIQ2_XXS},
    {k2BitLarge, kAttnOut, kAlways, T::kIQ3_S},

    // V, and what contains V.
    {Recipes(kQ2_K), kVLike, kGrouped4, T::kQ4_K},
    {Recipes(kQ2_K), kVLike, kAlways, T::kQ3_K},
    {Recipes(kQ2_K_S), kVLike, kGrouped4, T::kQ4_K},
    {Recipes(kIQ3_XXS), kVLike, kGrouped4, T::kQ4_K},
    {Recipes(kIQ3_XXS), kVLike, kImportance, T::kIQ3_XXS},
    {Recipes(kIQ3_XXS), kVLike, kAlways, T::kIQ3_S},
    {Recipes(kIQ3_XS, kIQ3_S), kVLike, kGrouped4, T::kQ4_K},
    {Recipes(kIQ3_M), kVLike, kAlways, T::kQ4_K},
    {Recipes(kQ3_K_M), kVLike, kFirst2, T::kQ5_K},
    {Recipes(kQ3_K_M), kVLike, kAlways, T::kQ4_K},
    {Recipes(kQ3_K_L), kVLike, kAlways, T::kQ5_K},
    {k4BitNonlinear, kVLike, kGrouped4, T::kQ5_K},
    {Recipes(kQ4_K_M, kQ5_K_M), kVLike, kMore, T::kQ6_K},
    {Recipes(kQ4_K_S), kVLike, kFirst4, T::kQ5_K},

    // K and Q.
    {kAnyRecipe, kKey, kExperts8, T::kQ8_0},
    {Recipes(kIQ3_XS), kQueryKey, kAlways, T::kIQ3_XXS},
    {Recipes(kIQ3_XXS), kQueryKey, kAlways, T::kIQ2_S},

    // Down.
    {Recipes(kQ2_K), kDown, kAlways, T::kQ3_K},
    {Recipes(kQ2_K_S), kDown, kFirst8th, T::kQ4_K},
    {Recipes(kIQ3_XXS), kDown, kNoImportance | kFirst8th, T::kQ4_K},
    {Recipes(kIQ3_XXS), kDown, kNoImportance, T::kQ3_K},
    {Recipes(kQ3_K_M), kDown, kFirst16th, T::kQ5_K},
    {Recipes(kQ3_K_M), kDown, kNotFalcon, T::kQ4_K},
    {Recipes(kQ3_K_M), kDown, kMore, T::kQ4_K},
    {Recipes(kIQ3_M), kDown, kFirst8th, T::kQ4_K},
    {Recipes(kIQ3_M), kDown, kExperts8 | kMore, T::kQ4_K},
    {Recipes(kQ3_K_L), kDown, kFalcon, T::kQ4_K},
    {Recipes(kQ3_K_L), kDown, kAlways, T::kQ5_K},
    {Recipes(kQ4_K_M), kDown, kFalcon | kFirst16th, T::kQ6_K},
    {Recipes(kQ4_K_M), kDown, kFalcon | kMore, T::kQ5_K},
    {Recipes(kQ4_K_M), kDown, kNotFalcon | kMore, T::kQ6_K},
    {k4BitNonlinear, kDown, kNoImportance | kFirst8th, T::kQ5_K},
    {Recipes(kQ5_K_M), kDown, kMore, T::kQ6_K},
    {Recipes(kQ4_K_S), kDown, kNotFalcon | kFirst8th, T::kQ5_K},
    {Recipes(kQ4_0), kDown, kImportance | kFirst8th, T::kQ4_1},
    {Recipes(kQ5_0), kDown, kImportance | kFirst8th, T::kQ5_1},

    // Attention output.
    {Recipes(kQ3_K_L), kAttnOut, kFalcon, T::kQ4_K},
    {kRaiseAttentionOutput, kAttnOut, kNotFalcon | kExperts8, T::kQ5_K},
    {Recipes(kQ2_K), kAttnOut, kNotFalcon | kNotExperts8, T::kQ3_K},
    {Recipes(kIQ3_XXS), kAttnOut, kNotFalcon | kNotExperts8, T::kIQ3_S},
    {Recipes(kQ3_K_M), kAttnOut, kNotFalcon | kNotExperts8, T::kQ4_K},
    {Recipes(kQ3_K_L), kAttnOut, kNotFalcon | kNotExperts8, T::kQ5_K},
    {Recipes(kIQ3_M), kAttnOut, kNotFalcon | kNotExperts8, T::kQ4_K},

    // Gate and up.
    {Recipes(kIQ3_XS), kGateUp, kMiddle, T::kIQ3_XXS},
};

// V is small where many query heads share it, and shared by all experts: bits are cheap there.
constexpr Correction kCorrections[] = {
    {~(kLowBit | kMoe), kVLike, k70B, T::kQ3_K, T::kQ5_K},
    {~(kLowBit | kMoe), kVLike, k70B, T::kQ4_K, T::kQ5_K},
    {~(kLowBit | kMoe), kVLike, kExperts8, absl::nullopt, T::kQ8_0},
};

constexpr Fallback kFallbacks[] = {
    {T::kIQ1_S, T::kIQ4_NL},  {T::kIQ1_M, T::kIQ4_NL},  {T::kIQ2_XXS, T::kIQ4_NL},
    {T::kIQ2_XS, T::kIQ4_NL}, {T::kIQ2_S, T::kIQ4_NL},  {T::kIQ3_XXS, T::kIQ4_NL},
    {T::kIQ3_S, T::kIQ4_NL},  {T::kIQ4_XS, T::kIQ4_NL}, {T::kQ2_0, T::kQ4_0},
    {T::kQ2_K, T::kQ4_0},     {T::kQ3_K, T::kQ4_0},     {T::kTQ1_0, T::kQ4_0},
    {T::kTQ2_0, T::kQ4_0},    {T::kQ4_K, T::kQ5_0},     {T::kQ5_K, T::kQ5_1},
    {T::kQ6_K, T::kQ8_0},
};

constexpr SizeClass70B kSizeClasses70B[] = {
    {"llama", 80, true}, {"qwen2", 80, false}, {"deci", 80, false},
    {"olmo", 80, false}, {"jais2", 68, false},
};

// Too few levels to place them well without knowing which columns matter.
struct ImportanceNeed {
  TensorType type;
  uint64_t recipes;
};
constexpr ImportanceNeed kImportanceNeeds[] = {
    {T::kIQ1_S, kAnyRecipe},      {T::kIQ1_M, kAnyRecipe}, {T::kIQ2_XXS, kAnyRecipe},
    {T::kIQ2_XS, kAnyRecipe},     {T::kIQ2_S, kAnyRecipe}, {T::kIQ3_XXS, kAnyRecipe},
    {T::kQ2_K, Recipes(kQ2_K_S)},
};

}  // namespace

absl::Span<const CategoryName> CategoryNames() { return kCategoryNames; }
absl::Span<const ExcludedName> ExcludedNames() { return kExcludedNames; }
absl::Span<const MixtureRule> MixtureRules() { return kMixture; }
absl::Span<const Correction> Corrections() { return kCorrections; }
absl::Span<const Fallback> Fallbacks() { return kFallbacks; }
absl::Span<const SizeClass70B> SizeClasses70B() { return kSizeClasses70B; }

bool CountsExperts(uint32_t file_type) { return (kLowBit | kMoe) >> file_type & 1; }

bool TypeRequiresImportance(TensorType type, uint32_t file_type) {
  for (const ImportanceNeed& need : kImportanceNeeds) {
    if (need.type == type && need.recipes >> file_type & 1) return true;
  }
  return false;
}

}  // namespace recipe_tables
}  // namespace gguf
