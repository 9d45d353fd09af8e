#include "quantize/recipe.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "formats/vision/tower.h"
#include "gguf/base/status_macros.h"
#include "quantize/layer_name.h"
#include "quantize/name_pattern.h"
#include "quantize/recipe_tables.h"

namespace gguf {
namespace {

using namespace recipe_tables;  // NOLINT(google-build-using-namespace): the tables are this file's

bool MatchesTimeMix(absl::string_view name, absl::string_view text) {
  return absl::StrContains(name, absl::StrCat("time_mix_", text, ".weight"));
}

bool Matches(NameMatch match, absl::string_view name, absl::string_view text) {
  switch (match) {
    case NameMatch::kEquals:
      return name == text;
    case NameMatch::kContains:
      return absl::StrContains(name, text);
    case NameMatch::kTimeMix:
      return MatchesTimeMix(name, text);
  }
  return false;
}

Category CategoryOf(absl::string_view name) {
  for (const CategoryName& row : CategoryNames()) {
    if (Matches(row.match, name, row.text)) return row.category;
  }
  return Category::kOther;
}

bool Fits(TensorType type, const Shape& shape) {
  return shape.columns() % InfoOf(type).block_values == 0;
}

bool Is70B(const ModelTraits& traits) {
  for (const SizeClass70B& row : SizeClasses70B()) {
    if (row.architecture == traits.architecture && row.num_layers == traits.num_layers) {
      return !row.needs_grouping || traits.num_heads != traits.num_kv_heads;
    }
  }
  return false;
}

// Conditions that are the same for all tensors of a model.
uint32_t ModelConditions(const ModelTraits& traits, bool has_importance) {
  const uint64_t sharing = traits.num_kv_heads == 0 ? 0 : traits.num_heads / traits.num_kv_heads;
  uint32_t conditions = has_importance ? kImportance : kNoImportance;
  conditions |= traits.num_experts == 8 ? kExperts8 : kNotExperts8;
  conditions |= traits.architecture == "falcon" ? kFalcon : kNotFalcon;
  if (sharing >= 4) conditions |= kGrouped4;
  if (traits.num_experts >= 4) conditions |= kExpertsAtLeast4;
  if (traits.architecture != "bailingmoe3") conditions |= kNotBailing3;
  if (Is70B(traits)) conditions |= k70B;
  return conditions;
}

struct Position {
  uint64_t i;
  uint64_t n;
};

uint32_t PositionConditions(const Position& position) {
  const auto [i, n] = position;
  const uint64_t first = n / 8;
  const uint64_t last = n - n / 8 - (n % 8 != 0);  // 7n/8 without overflow
  uint32_t conditions = kAlways;
  if (i < 2) conditions |= kFirst2;
  if (i < 4) conditions |= kFirst4;
  if (i < n / 16) conditions |= kFirst16th;
  if (i < first) conditions |= kFirst8th;
  if (i >= first && i < last) conditions |= kMiddle;
  if (i < first || i >= last || (i - first) % 3 == 2) conditions |= kMore;
  return conditions;
}

uint32_t ShapeConditions(const Shape& shape, TensorType default_type) {
  const size_t rank = shape.rank();
  uint32_t conditions = kAlways;
  if (rank >= 3 && shape.dims()[rank - 3] > 1) conditions |= kStacked;
  if (!Fits(default_type, shape)) conditions |= kOddRow;
  return conditions;
}

template <typename Row>
bool Applies(const Row& row, uint32_t file_type, Category category, uint32_t conditions) {
  return (row.recipes >> file_type & 1) != 0 && (row.categories & Bit(category)) != 0 &&
         (row.conditions & ~conditions) == 0;
}

// The mixture of one recipe for one model, with its running counters.
class Mixture {
 public:
  Mixture(const Recipe& recipe, const RecipeOptions& options, const ModelTraits& traits,
          absl::Span<const RecipeTensor> tensors)
      : recipe_(recipe),
        options_(options),
        traits_(traits),
        model_conditions_(ModelConditions(traits, options.has_importance)) {
    for (const RecipeTensor& tensor : tensors) {
      const Category category = CategoryOf(tensor.name);
      if (IsTowerTensor(tensor.name)) continue;  // no part of the mixture
      if ((Bit(category) & kVLike) != 0) ++num_v_;
      if (category == Category::kOutput) tied_ = false;
    }
  }

  // Chooses for a permitted tensor, and counts it.
  absl::StatusOr<TensorType> Choose(const RecipeTensor& tensor, Category category) {
    if (tied_ && category == Category::kTokenEmbedding) category = Category::kOutput;
    if (category == Category::kOutput && options_.output_tensor_type.has_value()) {
      return *options_.output_tensor_type;
    }
    uint32_t conditions = model_conditions_ | ShapeConditions(tensor.shape, recipe_.default_type);
    if ((Bit(category) & (kVLike | kFeedForward)) != 0) {
      GGUF_ASSIGN_OR_RETURN(const Position position, NextPosition(tensor, category));
      conditions |= PositionConditions(position);
    }
    return Correct(LookUp(category, conditions), category, conditions);
  }

 private:
  absl::StatusOr<Position> NextPosition(const RecipeTensor& tensor, Category category) {
    if ((Bit(category) & kVLike) != 0) return Position{next_v_++, num_v_};
    const uint64_t running = next_feed_forward_[static_cast<size_t>(category)]++;
    if (traits_.num_experts <= 1 || CountsExperts(recipe_.file_type)) {
      return Position{running, traits_.num_layers};
    }
    const absl::optional<LayerName> name = ParseLayerName(tensor.name);
    if (!name.has_value() || name->layer >= traits_.num_layers) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor '", tensor.name, "': the recipe ", recipe_.name,
          " needs a layer number below block_count (", traits_.num_layers,
          ") in the name 'blk.N.', as the model has experts; correct {arch}.block_count"));
    }
    return Position{name->layer, traits_.num_layers};
  }

  TensorType LookUp(Category category, uint32_t conditions) const {
    for (const MixtureRule& rule : MixtureRules()) {
      if (Applies(rule, recipe_.file_type, category, conditions)) {
        return rule.type.value_or(recipe_.default_type);
      }
    }
    return recipe_.default_type;
  }

  TensorType Correct(TensorType type, Category category, uint32_t conditions) const {
    for (const Correction& correction : Corrections()) {
      if (correction.from.value_or(type) == type &&
          Applies(correction, recipe_.file_type, category, conditions)) {
        type = correction.to;
      }
    }
    return type;
  }

  const Recipe& recipe_;
  const RecipeOptions& options_;
  const ModelTraits& traits_;
  const uint32_t model_conditions_;
  uint64_t num_v_ = 0;
  bool tied_ = true;  // no output matrix of its own
  uint64_t next_v_ = 0;
  uint64_t next_feed_forward_[static_cast<size_t>(Category::kOther) + 1] = {};
};

// --tensor-type patterns, compiled.
class PatternList {
 public:
  static absl::StatusOr<PatternList> Compile(absl::Span<const TensorTypeRule> rules) {
    PatternList list;
    for (const auto& [pattern, type] : rules) {
      absl::StatusOr<NamePattern> compiled = NamePattern::Create(absl::AsciiStrToLower(pattern));
      if (!compiled.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--tensor-type pattern '", pattern,
                         "' is not a regular expression: ", compiled.status().message()));
      }
      list.patterns_.push_back({pattern, *std::move(compiled), type, IsForTower(pattern)});
    }
    return list;
  }

  // Index of the first one that decides the tensor `name`.
  absl::optional<size_t> Find(const std::string& name) const {
    for (size_t i = 0; i < patterns_.size(); ++i) {
      if (IsTowerTensor(name) && !patterns_[i].is_for_tower) continue;
      const absl::StatusOr<bool> is_in = patterns_[i].compiled.IsIn(name);
      if (is_in.ok() && *is_in) return i;  // CheckAllUsed reports failures
    }
    return absl::nullopt;
  }

  TensorType type(size_t index) const { return patterns_[index].type; }

  // Every pattern must be found in some name: one that is not is a typing error.
  absl::Status CheckAllUsed(absl::Span<const RecipeTensor> tensors) const {
    for (const Pattern& pattern : patterns_) {
      bool used = false;
      for (const RecipeTensor& tensor : tensors) {
        const absl::StatusOr<bool> is_in = pattern.compiled.IsIn(tensor.name);
        if (!is_in.ok()) {
          return absl::InvalidArgumentError(
              absl::StrCat("--tensor-type pattern '", pattern.text, "', searched in '", tensor.name,
                           "': ", is_in.status().message(), "; give a simpler pattern"));
        }
        used = used || *is_in;
      }
      if (used) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("--tensor-type pattern '", pattern.text, "' matches none of the model's ",
                       tensors.size(), " tensors; `gguf inspect` lists their names"));
    }
    return absl::OkStatus();
  }

 private:
  struct Pattern {
    std::string text;  // as given
    NamePattern compiled;
    TensorType type;
    bool is_for_tower;
  };

  // "^v\\.blk" begins with "v.", "attn_v" is for the language model.
  static bool IsForTower(absl::string_view pattern) {
    absl::ConsumePrefix(&pattern, "^");
    return IsTowerTensor(absl::StrReplaceAll(pattern, {{"\\.", "."}}));
  }

  std::vector<Pattern> patterns_;
};

// A type named for one tensor: final, so it has to fit.
absl::StatusOr<Decision> Explicit(const RecipeTensor& tensor, TensorType type,
                                  absl::string_view option) {
  if (Fits(type, tensor.shape)) return Decision{type};
  return absl::InvalidArgumentError(
      absl::StrCat("tensor '", tensor.name, "': rows of ", tensor.shape.columns(),
                   " values are not whole ", NameOf(type), " blocks of ", InfoOf(type).block_values,
                   ", which ", option, " asks for; choose a type with smaller blocks or F16"));
}

Decision WithFallback(const RecipeTensor& tensor, TensorType type) {
  if (Fits(type, tensor.shape)) return Decision{type};
  const absl::Span<const Fallback> rows = Fallbacks();
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const Fallback& fallback) { return fallback.type == type; });
  const bool usable = row != rows.end() && Fits(row->fallback, tensor.shape);
  return Decision{usable ? row->fallback : TensorType::kF16, /*is_fallback=*/true};
}

// One permitted tensor; is_copy and requires_importance are set by the caller.
absl::StatusOr<Decision> DecideOne(const Recipe& recipe, const RecipeOptions& options,
                                   const PatternList& patterns, const RecipeTensor& tensor,
                                   Mixture* mixture) {
  const Category category = CategoryOf(tensor.name);
  if (category == Category::kTokenEmbedding && options.token_embedding_type.has_value()) {
    return Explicit(tensor, *options.token_embedding_type, "--token-embedding-type");
  }
  if (category == Category::kOutput && options.output_tensor_type.has_value()) {
    return Explicit(tensor, *options.output_tensor_type, "--output-tensor-type");
  }
  if (!recipe.is_quantized) return Decision{recipe.default_type};
  if (const absl::optional<size_t> rule = patterns.Find(tensor.name)) {
    Decision decision = WithFallback(tensor, patterns.type(*rule));
    decision.rule = rule;
    return decision;
  }
  if (options.pure || recipe.is_uniform) return WithFallback(tensor, recipe.default_type);
  GGUF_ASSIGN_OR_RETURN(const TensorType type, mixture->Choose(tensor, category));
  return WithFallback(tensor, type);
}

bool KeepsType(const RecipeOptions& options, const PatternList& patterns,
               const RecipeTensor& tensor) {
  if (IsTowerTensor(tensor.name) && !options.tower && !patterns.Find(tensor.name).has_value()) {
    return true;
  }
  return options.copy || !IsQuantizable(tensor.name, tensor.shape.significant_rank()) ||
         (options.leave_output_tensor && tensor.name == "output.weight");
}

bool IsEmbeddingOrOutput(absl::string_view name) {
  const Category category = CategoryOf(name);
  return category == Category::kTokenEmbedding || category == Category::kOutput;
}

}  // namespace

absl::StatusOr<std::vector<Decision>> DecideTypes(const Recipe& recipe,
                                                  const RecipeOptions& options,
                                                  const ModelTraits& traits,
                                                  absl::Span<const RecipeTensor> tensors) {
  GGUF_ASSIGN_OR_RETURN(const PatternList patterns, PatternList::Compile(options.tensor_types));
  GGUF_RETURN_IF_ERROR(patterns.CheckAllUsed(tensors));
  Mixture mixture(recipe, options, traits, tensors);
  std::vector<Decision> decisions;
  decisions.reserve(tensors.size());
  for (const RecipeTensor& tensor : tensors) {
    Decision decision{tensor.type};
    if (!KeepsType(options, patterns, tensor)) {
      GGUF_ASSIGN_OR_RETURN(decision, DecideOne(recipe, options, patterns, tensor, &mixture));
    }
    decision.is_copy = decision.type == tensor.type;
    decision.requires_importance = !decision.is_copy && !IsEmbeddingOrOutput(tensor.name) &&
                                   TypeRequiresImportance(decision.type, recipe.file_type);
    decisions.push_back(decision);
  }
  return decisions;
}

bool IsQuantizable(absl::string_view name, size_t significant_rank) {
  if (significant_rank < 2 || !absl::EndsWith(name, "weight")) return false;
  const absl::Span<const ExcludedName> rows = ExcludedNames();
  return std::none_of(rows.begin(), rows.end(),
                      [&](const ExcludedName& row) { return Matches(row.match, name, row.text); });
}

std::vector<size_t> SortForProcessing(absl::Span<const std::string> names) {
  std::vector<int64_t> layers;
  layers.reserve(names.size());
  for (const std::string& name : names) {
    const absl::optional<LayerName> parsed = ParseLayerName(name);
    layers.push_back(parsed.has_value() ? int64_t{parsed->layer} : -1);
  }
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tie(layers[a], names[a]) < std::tie(layers[b], names[b]);
  });
  return order;
}

}  // namespace gguf
