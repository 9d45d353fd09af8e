#include "tools/advice/model_facts.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "quantize/plan_quantize.h"
#include "tools/advice/model_shape.h"

namespace gguf {
namespace {

constexpr char kTokenEmbeddings[] = "token_embd.weight";
constexpr char kOutput[] = "output.weight";
constexpr char kReferenceShape[] = "Llama-3.1-8B";
// Of a model of which only its number of weights is known; large ones, so that buffers are not
// underestimated.
constexpr uint32_t kAssumedVocabulary = 131072;
constexpr uint32_t kAssumedEmbedding = 8192;

bool HasTensor(const TensorSource& source, absl::string_view name) {
  return std::any_of(source.tensors().begin(), source.tensors().end(),
                     [name](const SourceTensor& tensor) { return tensor.name == name; });
}

uint64_t BytesPerToken(const Plan& plan, const ModelConfig& config, bool has_output) {
  uint64_t bytes = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (has_output && tensor.name == kTokenEmbeddings) continue;
    const uint64_t all = TensorBytes(tensor.type, tensor.shape).value_or(0);
    const bool is_expert = config.num_experts > 0 && absl::StrContains(tensor.name, "_exps.");
    bytes += is_expert ? all / config.num_experts * config.num_experts_used : all;
  }
  return bytes;
}

// The one type that everything encoded becomes; empty when there are several.
std::string OnlyEncodedType(const Plan& plan) {
  std::string type;
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.encoder == nullptr) continue;
    if (!type.empty() && type != NameOf(tensor.type)) return "";
    type = std::string(NameOf(tensor.type));
  }
  return type;
}

bool HaveSameTypes(const Plan& a, const Plan& b) {
  return std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), b.tensors.end(),
                    [](const PlannedTensor& x, const PlannedTensor& y) {
                      return x.type == y.type && x.name == y.name;
                    });
}

// What is expected of a recipe, from both tables.
void SetFigures(absl::string_view type, bool may_have_importance, WeightOption* option) {
  const QualityTables& tables = QualityTables::Get();
  if (const auto* figure = tables.Published(type, may_have_importance)) {
    option->published = *figure;
    option->divergence = figure->divergence;
  }
  if (const auto* figure = tables.Measured(type, may_have_importance)) option->measured = *figure;
}

class Planner {
 public:
  Planner(const TensorSource& source, bool may_have_importance, ModelFacts* facts)
      : source_(source),
        may_have_importance_(may_have_importance),
        has_output_(HasTensor(source, kOutput)),
        facts_(facts) {}

  // Fills facts->options and facts->refused.
  absl::Status Run() {
    GGUF_ASSIGN_OR_RETURN(const bool is_quantized, IsQuantized());
    if (is_quantized) GGUF_RETURN_IF_ERROR(AddFileItself());
    const bool has_mxfp4 =
        std::any_of(source_.tensors().begin(), source_.tensors().end(),
                    [](const SourceTensor& tensor) { return tensor.type == TensorType::kMXFP4; });
    if (is_quantized && has_mxfp4) {  // how its source was published cannot be told
      facts_->warnings.push_back(
          absl::StrCat(source_.name(),
                       " is quantized already; give the checkpoint it was made from to compare "
                       "types"));
      return absl::OkStatus();
    }
    if (is_quantized) {
      facts_->warnings.push_back(
          absl::StrCat(source_.name(),
                       " is quantized already: sizes of other types are those of files made from "
                       "its F16 or BF16 source, which is what to quantize"));
    }
    for (const Recipe& recipe : AllRecipes()) AddRecipe(recipe, is_quantized);
    std::stable_sort(
        facts_->options.begin(), facts_->options.end(),
        [](const WeightOption& a, const WeightOption& b) { return a.bytes > b.bytes; });
    return absl::OkStatus();
  }

 private:
  // Quantized in a way in which it is not published: a plan that quantizes nothing refuses it.
  absl::StatusOr<bool> IsQuantized() {
    GGUF_ASSIGN_OR_RETURN(const Recipe* recipe, ParseRecipe("BF16"));
    const bool has_quantized =
        std::any_of(source_.tensors().begin(), source_.tensors().end(),
                    [](const SourceTensor& tensor) { return InfoOf(tensor.type).is_quantized; });
    return has_quantized && !PlanQuantization(source_, recipe, Options(), nullptr).ok();
  }

  QuantizeOptions Options() const {
    QuantizeOptions options;
    options.dry_run = true;
    options.recipe.has_importance = may_have_importance_;
    return options;
  }

  absl::Status AddFileItself() {
    QuantizeOptions options = Options();
    options.recipe.copy = true;
    GGUF_ASSIGN_OR_RETURN(const Plan plan, PlanQuantization(source_, nullptr, options, nullptr));
    WeightOption option = Describe(plan);
    option.is_lossless = option.keeps_quantized = false;  // as to the file it was made from
    const absl::StatusOr<uint64_t> file_type = source_.metadata().GetUint(keys::kGeneralFileType);
    for (const Recipe& recipe : AllRecipes()) {
      if (!file_type.ok() || recipe.file_type != *file_type) continue;
      SetFigures(recipe.name, /*may_have_importance=*/true, &option);
      break;
    }
    plans_.push_back(plan);
    facts_->options.push_back(std::move(option));
    return absl::OkStatus();
  }

  WeightOption Describe(const Plan& plan) const {
    WeightOption option;
    option.type = plan.type_name;
    option.bytes = plan.tensor_bytes();
    option.bytes_per_token = BytesPerToken(plan, facts_->config, has_output_);
    option.bits_per_weight = plan.bits_per_weight();
    option.is_lossless = true;
    for (const PlannedTensor& tensor : plan.tensors) {
      if (tensor.encoder != nullptr) option.is_lossless = false;
      if (tensor.encoder == nullptr && InfoOf(tensor.type).is_quantized) {
        option.keeps_quantized = true;
      }
    }
    return option;
  }

  void AddRecipe(const Recipe& recipe, bool is_quantized) {
    const QualityTables& tables = QualityTables::Get();
    const bool has_figure = tables.Published(recipe.name, true) != nullptr ||
                            tables.Measured(recipe.name, true) != nullptr;
    const bool is_for_experts = recipe.name == "MXFP4_MOE";
    if (!has_figure && !(is_for_experts && facts_->config.num_experts > 0)) return;
    if (recipe.requires_importance && !may_have_importance_) {
      facts_->refused.push_back({std::string(recipe.name), "needs importance data"});
      return;
    }
    QuantizeOptions options = Options();
    options.allow_requantize = is_quantized;
    absl::StatusOr<Plan> plan = PlanQuantization(source_, &recipe, options, nullptr);
    if (!plan.ok()) {
      facts_->refused.push_back({std::string(recipe.name), std::string(plan.status().message())});
      return;
    }
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (!HaveSameTypes(plans_[i], *plan)) continue;
      facts_->options[i].aliases.push_back(plan->type_name);
      return;
    }
    WeightOption option = Describe(*plan);
    if (is_quantized) option.keeps_quantized = false;
    SetFigures(recipe.name, may_have_importance_, &option);
    if (option.published.type.empty() && option.keeps_quantized) {
      SetFigures(OnlyEncodedType(*plan), may_have_importance_, &option);
    }
    if (option.is_lossless) option.divergence = 0;
    plans_.push_back(*std::move(plan));
    facts_->options.push_back(std::move(option));
  }

  const TensorSource& source_;
  const bool may_have_importance_;
  const bool has_output_;
  ModelFacts* const facts_;
  std::vector<Plan> plans_;  // of facts_->options, before they are sorted
};

}  // namespace

absl::StatusOr<ModelFacts> DescribeModel(const TensorSource& source, bool may_have_importance) {
  ModelFacts facts;
  facts.name = source.name();
  facts.basis = "sizes are those of a quantization plan of its tensors";
  facts.warnings = source.warnings();
  absl::StatusOr<ModelConfig> config = ReadModelConfig(source.metadata());
  if (!config.ok()) {
    return absl::Status(
        config.status().code(),
        absl::StrCat(source.name(), ": ", config.status().message(),
                     "; give its number of weights and the shape of its cache instead: --params, "
                     "--layers, --kv-heads, --head-size"));
  }
  facts.config = *std::move(config);
  for (const SourceTensor& tensor : source.tensors()) {
    facts.num_weights += static_cast<double>(tensor.shape.num_values());
    if (tensor.name == kTokenEmbeddings) facts.vocabulary = tensor.shape.rows();
  }
  if (source.tensors().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        source.name(), " has no tensors (a vocabulary?), expected a model with its weights"));
  }
  GGUF_RETURN_IF_ERROR(Planner(source, may_have_importance, &facts).Run());
  if (!facts.options.empty()) return facts;
  return absl::InvalidArgumentError(
      absl::StrCat(source.name(), ": no type can be made of it (",
                   facts.refused.empty() ? "none" : facts.refused.front().reason, ")"));
}

absl::StatusOr<ModelFacts> DescribeCustom(const CustomShape& shape, bool may_have_importance) {
  const std::unique_ptr<TensorSource> reference = OpenShape(*FindShapes(kReferenceShape).front());
  GGUF_ASSIGN_OR_RETURN(ModelFacts facts, DescribeModel(*reference, may_have_importance));
  const double scale = shape.num_weights / facts.num_weights;
  for (WeightOption& option : facts.options) {
    option.bytes = static_cast<uint64_t>(option.bytes * scale);
    option.bytes_per_token = static_cast<uint64_t>(option.bytes_per_token * scale);
  }
  facts.name = absl::StrFormat("a model of %.4g billion weights", shape.num_weights / 1e9);
  facts.basis = absl::StrCat("sizes are estimates, from the bits per weight of ", kReferenceShape);
  facts.num_weights = shape.num_weights;
  facts.vocabulary = kAssumedVocabulary;
  ModelConfig config;
  config.family = facts.config.family;
  config.num_layers = shape.num_layers;
  config.embedding = kAssumedEmbedding;
  config.num_heads = config.num_kv_heads = shape.num_kv_heads;
  config.key_length = config.value_length = shape.head_size;
  config.windows.assign(shape.num_layers, 0);
  std::fill_n(config.windows.begin(), shape.sliding_layers, shape.window);
  facts.config = std::move(config);
  return facts;
}

absl::StatusOr<double> ParseNumWeights(absl::string_view text) {
  constexpr struct {
    char unit;
    double factor;
  } kUnits[] = {{'m', 1e6}, {'b', 1e9}, {'t', 1e12}};
  double number = 0;
  for (const auto& unit : kUnits) {
    if (text.empty() || absl::ascii_tolower(text.back()) != unit.unit) continue;
    if (!absl::SimpleAtod(text.substr(0, text.size() - 1), &number)) break;
    number *= unit.factor;
    if (number >= 1e6 && number <= 1e14) return number;
    break;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "': expected a number of weights, such as 8B or 350M"));
}

}  // namespace gguf
