// Says which types of weights and cache fit a graphics card, and what they are expected to cost.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "formats/open.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "runtime/kv_cache.h"
#include "tools/advice/advise.h"
#include "tools/advice/gpu_memory.h"
#include "tools/advice/model_shape.h"
#include "tools/advice/report.h"
#include "tools/cli/cli.h"
#include "tools/cli/print_document.h"
#include "tools/report/render.h"
#include "tools/report/result.pb.h"

namespace gguf {
namespace {

constexpr char kHelp[] =
    "Says which type of weights and of key-value cache fits into the free memory of a device, the\n"
    "best one for each priority, what it is expected to cost, and what would not fit by how much.\n"
    "Example: a card with 8 GiB free and a context of 16384 tokens, before anything is "
    "downloaded:\n"
    "  recommend --vram 8GiB --params 8B -c 16384\n"
    "  balanced  Q5_K_M with a q8_0 cache: 5.3 GiB weights + 1.1 GiB cache + 274.5 MiB buffers =\n"
    "            6.7 GiB of 7.5 GiB ...\n"
    "Memory needed = weights + cache (cells x layers x heads x size x bytes, sliding windows "
    "counted)\n"
    "+ buffers; it fits when that is at most --vram less --headroom.";
constexpr uint64_t kLeastPlausibleMemory = uint64_t{1} << 20;
constexpr uint64_t kMostMemory = uint64_t{1} << 60;

struct Flags {
  CommonOptions common;
  std::string vram, headroom = "512MiB";
  std::string model, params;
  CustomShape shape;
  AdviceRequest request;
  uint64_t context = 0;
  std::string priority = "balanced";
  std::string cache_type_k, cache_type_v;
  bool no_imatrix = false;
  bool list_models = false;
};

void AddShapeOptions(CLI::App* app, CustomShape* shape) {
  constexpr struct {
    const char* flag;
    uint32_t CustomShape::*field;
    uint32_t least, most;
    const char* help;
  } kOptions[] = {
      {"--layers", &CustomShape::num_layers, 1, kMaxLayers, "with --params: layers"},
      {"--kv-heads", &CustomShape::num_kv_heads, 1, 4096, "with --params: key-value heads"},
      {"--head-size", &CustomShape::head_size, 1, 4096, "with --params: values per head"},
      {"--window", &CustomShape::window, 1, kMaxContext,
       "with --params: tokens that sliding layers see"},
      {"--sliding-layers", &CustomShape::sliding_layers, 1, kMaxLayers,
       "with --params: how many of the layers slide"},
  };
  for (const auto& option : kOptions) {
    app->add_option(option.flag, shape->*option.field, option.help)
        ->check(CLI::Range(option.least, option.most))
        ->type_name("N");
  }
}

void AddOptions(CLI::App* app, Flags* flags) {
  ContextOptions& context = flags->request.context;
  app->add_option("--vram", flags->vram,
                  "free memory of the device: 8GiB (a card sold as 8 GB), 7500MiB [nvidia-smi]")
      ->type_name("SIZE");
  app->add_option("-m,--model", flags->model, "GGUF file or checkpoint folder")->type_name("MODEL");
  app->add_option("--params", flags->params,
                  "a published model (gpt-oss-20B, 8B; see --list-models) or a number of weights")
      ->type_name("NAME|N")
      ->excludes("--model");
  AddShapeOptions(app, &flags->shape);
  app->add_flag("--list-models", flags->list_models, "the models that --params knows");
  app->add_option("-c,--ctx-size", flags->context, "tokens [8192, or what the model has]")
      ->check(CLI::Range(uint64_t{1}, uint64_t{kMaxContext}))
      ->type_name("N");
  app->add_option("--priority", flags->priority, "quality, balanced or speed: named first")
      ->check(CLI::IsMember({"quality", "balanced", "speed"}))
      ->capture_default_str();
  app->add_option("--cache-type-k", flags->cache_type_k,
                  "type of cached keys: f16, q8_0, ... [chosen]")
      ->type_name("TYPE");
  app->add_option("--cache-type-v", flags->cache_type_v, "type of cached values [chosen]")
      ->type_name("TYPE");
  app->add_option("--reserve", context.reserve, "cells beside the context (KoboldCPP: 80)")
      ->check(CLI::Range(uint64_t{0}, uint64_t{kMaxContext}))
      ->capture_default_str()
      ->type_name("CELLS");
  app->add_option("--pad", context.pad, "cells of a layer are a multiple of this")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 20))
      ->capture_default_str()
      ->type_name("CELLS");
  app->add_option("--ubatch-size", context.micro_batch, "tokens computed at once")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 16))
      ->capture_default_str()
      ->type_name("N");
  app->add_option("--headroom", flags->headroom, "memory to leave free: driver, desktop, fragments")
      ->capture_default_str()
      ->type_name("SIZE");
  app->add_flag("--no-imatrix", flags->no_imatrix,
                "without importance data, which costs quality and excludes the smallest types");
  AddCommonOptions(app, /*has_json=*/true, "print the dominated and the refused combinations too",
                   &flags->common);
}

std::string ModelList() {
  return absl::StrJoin(PublishedShapes(), ", ", [](std::string* out, const ModelShape& shape) {
    absl::StrAppend(out, shape.name);
  });
}

absl::Status ListModels(const CommonOptions& common) {
  gguf_toolchain::ModelList list;
  list.set_schema_version(kSchemaVersion);
  for (const ModelShape& shape : PublishedShapes()) {
    gguf_toolchain::ListedModel* model = list.add_models();
    model->set_name(std::string(shape.name));
    model->set_architecture(std::string(shape.architecture));
  }
  return PrintDocument(list, common, [](const auto&) { return absl::StrCat(ModelList(), "\n"); });
}

absl::StatusOr<uint64_t> ParseMemory(absl::string_view option, absl::string_view text) {
  const absl::StatusOr<uint64_t> size = ParseSize(text);
  if (!size.ok()) return UsageError(absl::StrCat(option, ": ", size.status().message()));
  if (*size > kMostMemory) {
    return UsageError(absl::StrCat(option, " ", text, " is more than any device has"));
  }
  return size;
}

absl::Status ParseOptions(Flags* flags) {
  if (flags->model.empty() == flags->params.empty()) {
    return UsageError(
        "no model given, expected --model FILE (or a checkpoint folder) or --params 8B");
  }
  AdviceRequest& request = flags->request;
  GGUF_ASSIGN_OR_RETURN(request.headroom, ParseMemory("--headroom", flags->headroom));
  for (const auto& [option, name, type] :
       {std::tuple("--cache-type-k", &flags->cache_type_k, &request.key_type),
        std::tuple("--cache-type-v", &flags->cache_type_v, &request.value_type)}) {
    if (name->empty()) continue;
    const absl::StatusOr<TensorType> parsed = ParseCacheType(*name);
    if (!parsed.ok()) return UsageError(absl::StrCat(option, ": ", parsed.status().message()));
    *type = *parsed;
  }
  const CustomShape& shape = flags->shape;
  const uint32_t required[] = {shape.num_layers, shape.num_kv_heads, shape.head_size};
  const auto num_given = std::count_if(std::begin(required), std::end(required),
                                       [](uint32_t value) { return value != 0; });
  const bool has_sliding = shape.window != 0 || shape.sliding_layers != 0;
  if (num_given == 0 && !has_sliding) return absl::OkStatus();
  if (num_given < 3 || flags->params.empty()) {
    return UsageError(
        "--layers, --kv-heads and --head-size describe a model that is not at hand: expected all "
        "three, with --params N");
  }
  if ((shape.window == 0) != (shape.sliding_layers == 0) ||
      shape.sliding_layers > shape.num_layers) {
    return UsageError(absl::StrCat("expected --window and --sliding-layers together, with at most ",
                                   shape.num_layers, " layers that slide"));
  }
  return absl::OkStatus();
}

// Sets request.memory and says where it comes from.
absl::StatusOr<std::string> FindMemory(const Flags& flags, AdviceRequest* request,
                                       std::vector<std::string>* warnings) {
  if (!flags.vram.empty()) {
    GGUF_ASSIGN_OR_RETURN(request->memory, ParseMemory("--vram", flags.vram));
    if (request->memory >= kLeastPlausibleMemory) return "--vram";
    return UsageError(absl::StrCat("--vram ", flags.vram, " is ", FormatSize(request->memory),
                                   ", expected a size with its unit, such as 8GiB"));
  }
  GGUF_ASSIGN_OR_RETURN(const std::vector<uint64_t> cards, QueryFreeGpuMemory());
  const auto largest = std::max_element(cards.begin(), cards.end());
  request->memory = *largest;
  if (cards.size() > 1) {
    warnings->push_back(absl::StrCat(cards.size(),
                                     " cards: this is advice for the one with most free memory; "
                                     "give the sum with --vram to spread a model over several"));
  }
  return absl::StrCat("free on card ", largest - cards.begin(), " by nvidia-smi");
}

absl::StatusOr<ModelFacts> FindModel(const Flags& flags) {
  const bool may_have_importance = !flags.no_imatrix;
  if (!flags.model.empty()) {
    GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<TensorSource> source,
                          OpenSource(flags.model, OpenOptions()));
    return DescribeModel(*source, may_have_importance);
  }
  if (flags.shape.num_layers != 0) {
    CustomShape shape = flags.shape;
    const absl::StatusOr<double> num_weights = ParseNumWeights(flags.params);
    if (!num_weights.ok()) {
      return UsageError(absl::StrCat("--params ", num_weights.status().message()));
    }
    shape.num_weights = *num_weights;
    return DescribeCustom(shape, may_have_importance);
  }
  const std::vector<const ModelShape*> shapes = FindShapes(flags.params);
  if (shapes.empty()) {
    return UsageError(absl::StrCat(
        "--params '", flags.params, "' is no model known here, expected one of ", ModelList(),
        ", one of their sizes (8B), or a number of weights with --layers, --kv-heads and "
        "--head-size"));
  }
  GGUF_ASSIGN_OR_RETURN(ModelFacts facts,
                        DescribeModel(*OpenShape(*shapes[0]), may_have_importance));
  facts.basis = "sizes are those of a quantization plan of its published shape";
  if (shapes.size() > 1) {
    facts.warnings.push_back(absl::StrCat(
        flags.params, " is taken to be ", shapes[0]->name, "; --params also knows ",
        absl::StrJoin(
            shapes.begin() + 1, shapes.end(), ", ",
            [](std::string* out, const ModelShape* s) { absl::StrAppend(out, s->name); })));
  }
  return facts;
}

absl::Status Recommend(Flags* flags) {
  if (flags->list_models) return ListModels(flags->common);
  GGUF_RETURN_IF_ERROR(ParseOptions(flags));
  AdviceRequest& request = flags->request;
  GGUF_ASSIGN_OR_RETURN(ModelFacts facts, FindModel(*flags));
  GGUF_ASSIGN_OR_RETURN(const std::string memory_source,
                        FindMemory(*flags, &request, &facts.warnings));
  const uint64_t trained = facts.config.context_length;
  if (trained != 0) request.context.context = std::min(request.context.context, trained);
  if (flags->context != 0) request.context.context = flags->context;
  const absl::StatusOr<Advice> advice = Advise(facts, request);
  if (!advice.ok()) {
    return absl::Status(advice.status().code(),
                        absl::StrCat(facts.name, ": ", advice.status().message()));
  }
  const gguf_toolchain::RecommendResult result =
      ReportAdvice(facts, request, *advice, memory_source, flags->priority);
  if (flags->common.json) {
    GGUF_ASSIGN_OR_RETURN(const std::string json, ToJson(result));
    GGUF_RETURN_IF_ERROR(PrintResult(json));
  }
  if (advice->best.empty()) return absl::ResourceExhaustedError(NothingFits(result));
  if (flags->common.json) return absl::OkStatus();
  PrintWarnings({result.warnings().begin(), result.warnings().end()}, flags->common);
  return PrintResult(AdviceText(result, flags->common.verbose));
}

}  // namespace
}  // namespace gguf

int main(int argc, char** argv) {
  CLI::App app(gguf::kHelp, "recommend");
  gguf::Flags flags;
  gguf::AddOptions(&app, &flags);
  return gguf::RunTool(&app, argc, argv, &flags.common, [&] { return gguf::Recommend(&flags); });
}
