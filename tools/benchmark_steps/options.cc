#include "tools/benchmark_steps/options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"
#include "quantize/recipe.h"
#include "runtime/evaluate/text_windows.h"
#include "tools/cli/write_command.h"
#include "tools/report/benchmark_report.h"

namespace gguf {
namespace {

constexpr uint32_t kMostRepetitions = 100;

void AddModelChoice(CLI::App* app, BenchmarkRequest* request) {
  CLI::Option* models =
      app->add_option("--models", request->models, "GGUF files to compare: A.gguf,B.gguf,...")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->type_name("FILES");
  AddModelOptions(app, &request->model);
  CLI::Option* model = app->get_option("--model");
  model->required(false);
  model->description("instead: a model to quantize to each of --types, GGUF or checkpoint");
  model->excludes(models);
  CLI::Option* types =
      app->add_option("--types", request->types, "TYPE[,TYPE...]: Q4_K_M, Q8_0, ...")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->type_name("TYPE")
          ->needs(model);
  model->needs(types);
  app->add_option("--imatrix", request->imatrix, "importance matrix for --types")
      ->type_name("FILE")
      ->needs(types);
  app->add_flag("--allow-requantize", request->allow_requantize,
                "of a --model that is quantized already")
      ->needs(types);
  app->add_option("--keep", request->keep, "keep the files made for --types in this folder")
      ->type_name("FOLDER")
      ->needs(types);
  app->add_option("--base", request->base,
                  "what errors and divergences are measured from [the first model]")
      ->type_name("GGUF");
}

void AddMeasurements(CLI::App* app, BenchmarkRequest* request) {
  app->add_option("-f,--file", request->text, "the text to predict, taken as it is")
      ->type_name("TEXT");
  app->add_option("-c,--ctx-size", request->context,
                  "tokens of a window of the text; its second half counts")
      ->check(CLI::Range(kMinWindow, kMaxContext))
      ->capture_default_str();
  app->add_option("--chunks", request->chunks, "most windows used [all]");
  CLI::Option* tasks =
      app->add_option("--tasks", request->tasks, "multiple choice, as for 'evaluate choice'")
          ->type_name("TASKS.jsonl");
  app->add_option("--shots", request->shots, "show the first N tasks, solved, before each other")
      ->capture_default_str()
      ->needs(tasks);
  app->add_option("--prompt-tokens", request->prompt, "tokens of the prompt that is timed")
      ->check(CLI::Range(1u, kMaxContext / 2))
      ->capture_default_str();
  app->add_option("-n,--n-predict", request->generated, "tokens of the generation that is timed")
      ->check(CLI::Range(kMinWindow, kMaxContext / 2))
      ->capture_default_str();
  app->add_option("--repetitions", request->repetitions, "runs that are timed, for each model")
      ->check(CLI::Range(1u, kMostRepetitions))
      ->capture_default_str();
}

absl::Status ParseTypes(BenchmarkRequest* request) {
  std::vector<std::string> names;
  for (const std::string& type : request->types) {
    const absl::StatusOr<const Recipe*> recipe = ParseRecipe(type);
    if (!recipe.ok()) return UsageError(absl::StrCat("--types: ", recipe.status().message()));
    names.emplace_back((*recipe)->name);
    if (std::count(names.begin(), names.end(), names.back()) > 1) {
      return UsageError(absl::StrCat("--types: ", names.back(), " is named twice"));
    }
  }
  request->types = std::move(names);
  return absl::OkStatus();
}

}  // namespace

void AddBenchmarkOptions(CLI::App* app, BenchmarkFlags* flags) {
  BenchmarkRequest& request = flags->request;
  AddModelChoice(app, &request);
  app->add_option("--effort", flags->effort, "of quantizing to --types: reference, standard, max")
      ->transform(CLI::IsMember({"reference", "standard", "max"}, CLI::ignore_case))
      ->capture_default_str()
      ->needs("--types");
  AddMeasurements(app, &request);
  app->add_option("--from", request.from,
                  "measure nothing: show the result in this report, which was written as JSON")
      ->type_name("FILE.json")
      ->excludes("--models")
      ->excludes("--model")
      ->excludes("--file");
  app->add_option("-o,--output", request.reports,
                  "report: FILE.html, .md or .json; may be repeated. FILE.journal beside the first "
                  "keeps each measurement")
      ->allow_extra_args(false)
      ->type_name("FILE");
  CLI::Option* resume = app->add_flag("--resume", request.resume,
                                      "use what the journal holds; measure only what is missing");
  app->add_flag("--force", request.force, "replace an existing report, journal or kept file");
  resume->needs("--output");
  AddCommonOptions(app, /*has_json=*/true, kNothingVerbose, &request.common);
}

absl::Status ParseBenchmarkFlags(const CLI::App& app, BenchmarkFlags* flags) {
  GGUF_RETURN_IF_ERROR(CheckValuesGiven(app));
  BenchmarkRequest& request = flags->request;
  if (request.from.empty() && request.models.empty() && request.types.empty()) {
    return UsageError(
        "no model given; use --models A.gguf,B.gguf, or --model M --types Q4_K_M,...");
  }
  if (request.from.empty() && request.text.empty()) {
    return UsageError("no text given to measure with; use --file TEXT");
  }
  GGUF_RETURN_IF_ERROR(ParseTypes(&request));
  request.effort = *ParseEffort(flags->effort);
  for (const std::string& report : request.reports) {
    const absl::Status known = RenderBenchmark({}, report).status();
    if (!known.ok()) return UsageError(known.message());
    if (std::count(request.reports.begin(), request.reports.end(), report) > 1) {
      return UsageError(absl::StrCat("report '", report, "' is named twice"));
    }
  }
  return ToDecoderOptions(request.model, request.common).status();
}

absl::Status CheckReports(const BenchmarkRequest& request) {
  std::vector<std::string> inputs = request.models;
  for (const std::string& path : {request.model.model, request.base, request.text, request.tasks,
                                  request.imatrix, request.from}) {
    if (!path.empty()) inputs.push_back(path);
  }
  for (const std::string& report : request.reports) {
    for (const std::string& input : inputs) {
      if (!IsSameFile(report, input)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("report '", report, "' is also an input; choose another name"));
    }
    GGUF_RETURN_IF_ERROR(OutputFile::Create(report, 0, {request.force || request.resume}).status());
  }
  return absl::OkStatus();
}

}  // namespace gguf
