#include "tools/advice/report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gguf/base/sizes.h"
#include "gguf/base/utf8.h"
#include "tools/gguf_commands/table.h"
#include "tools/report/render.h"

namespace gguf {
namespace {

using gguf_toolchain::QualityEstimate;
using gguf_toolchain::RecommendCandidate;
using gguf_toolchain::RecommendResult;

std::string CacheName(TensorType type) { return absl::AsciiStrToLower(NameOf(type)); }

void SetEstimate(const QualityFigure& figure, absl::string_view source, QualityEstimate* estimate) {
  if (figure.type.empty()) return;
  estimate->set_model(std::string(source));
  estimate->set_divergence(figure.divergence);
  estimate->set_perplexity_rise(figure.perplexity_rise);
  estimate->set_same_top(figure.same_top);
  estimate->set_has_importance(figure.has_importance);
}

bool IsDominated(const std::vector<WeightOption>& options, const WeightOption& option) {
  if (option.divergence < 0) return true;
  return std::any_of(options.begin(), options.end(), [&](const WeightOption& other) {
    return other.divergence >= 0 && other.bytes <= option.bytes &&
           other.divergence <= option.divergence &&
           (other.bytes < option.bytes || other.divergence < option.divergence);
  });
}

void SetCandidate(const ModelFacts& facts, const Advice& advice, const Fit& fit,
                  RecommendCandidate* candidate) {
  const WeightOption& option = facts.options[fit.option];
  candidate->set_type(option.type);
  for (const std::string& alias : option.aliases) candidate->add_aliases(alias);
  candidate->set_cache_type_k(CacheName(advice.caches[fit.cache].keys));
  candidate->set_cache_type_v(CacheName(advice.caches[fit.cache].values));
  candidate->set_fits(fit.fits);
  candidate->set_total_bytes(fit.need.total());
  candidate->set_weight_bytes(fit.need.weights);
  candidate->set_cache_bytes(fit.need.cache);
  candidate->set_buffer_bytes(fit.need.buffers);
  candidate->set_spare_bytes(fit.spare);
  candidate->set_bits_per_weight(option.bits_per_weight);
  candidate->set_bytes_per_token(option.bytes_per_token);
  candidate->set_divergence(fit.divergence);
  candidate->set_is_upper_bound(option.keeps_quantized && !option.is_lossless);
  candidate->set_is_lossless(option.is_lossless);
  candidate->set_is_dominated(IsDominated(facts.options, option));
  SetEstimate(option.published, QualityTables::Get().weights_source(),
              candidate->mutable_published());
  SetEstimate(option.measured, kMeasuredSource, candidate->mutable_measured());
}

void SetCells(const ModelFacts& facts, const AdviceRequest& request, RecommendResult* result) {
  result->set_context(request.context.context);
  result->set_reserve_cells(request.context.reserve);
  for (const uint32_t window : facts.config.windows) {
    const double cells = CellsOf(window, request.context);
    if (window == 0) {
      result->set_full_layers(result->full_layers() + 1);
      result->set_full_cells(cells);
    } else {
      result->set_sliding_layers(result->sliding_layers() + 1);
      result->set_sliding_cells(cells);
    }
  }
  result->set_buffers(absl::StrFormat(
      "%d tokens at once x (%d logits + %d values) x 4 bytes, and the attention mask of %d cells "
      "x 2 bytes",
      request.context.micro_batch, facts.vocabulary, facts.config.embedding,
      CellsOf(/*window=*/0, request.context)));
}

void SetChoices(const Advice& advice, absl::string_view asked_for, RecommendResult* result) {
  for (const bool is_asked_for : {true, false}) {
    for (size_t i = 0; i < advice.best.size(); ++i) {
      const Priority& priority = AllPriorities()[i];
      if ((priority.name == asked_for) != is_asked_for) continue;
      const double divergence = advice.fits[advice.best[i]].divergence;
      const bool is_within = divergence >= 0 && divergence <= priority.divergence_bound;
      auto* choice = result->add_choices();
      choice->set_priority(std::string(priority.name));
      choice->set_meaning(is_within || priority.divergence_bound < 0
                              ? std::string(priority.meaning)
                              : absl::StrCat("nothing that fits stays within a divergence of ",
                                             priority.divergence_bound,
                                             ", so the least expected loss"));
      choice->set_is_asked_for(is_asked_for);
      choice->set_candidate(static_cast<int>(advice.best[i]));
    }
  }
}

std::string Size(double bytes) {
  return (bytes < 0 ? "-" : "") + FormatSize(static_cast<uint64_t>(std::fabs(bytes)));
}

std::string CacheOf(const RecommendCandidate& candidate) {
  if (candidate.cache_type_k() == candidate.cache_type_v()) return candidate.cache_type_k();
  return absl::StrCat(candidate.cache_type_k(), "/", candidate.cache_type_v());
}

std::string Sum(const RecommendCandidate& candidate) {
  return absl::StrCat(Size(candidate.weight_bytes()), " weights + ", Size(candidate.cache_bytes()),
                      " cache + ", Size(candidate.buffer_bytes()),
                      " buffers = ", Size(candidate.total_bytes()));
}

std::string Divergence(const RecommendCandidate& candidate) {
  if (candidate.divergence() < 0) return "unknown";
  return absl::StrCat(candidate.is_upper_bound() ? "<= " : "",
                      absl::StrFormat("%.4f", candidate.divergence()));
}

std::string Rise(const RecommendCandidate& candidate) {
  if (candidate.is_lossless()) return "0";
  if (candidate.published().model().empty()) return "unknown";
  return absl::StrCat(candidate.is_upper_bound() ? "<= " : "",
                      absl::StrFormat("+%.2f %%", 100 * candidate.published().perplexity_rise()));
}

std::string Ours(const RecommendCandidate& candidate) {
  if (candidate.measured().model().empty()) return "";
  return absl::StrFormat("%.4f", candidate.measured().divergence());
}

std::string LossOf(const RecommendCandidate& candidate) {
  if (candidate.is_lossless()) return "weights as in the source";
  std::string text = absl::StrCat("divergence ", Divergence(candidate));
  if (!candidate.published().model().empty()) {
    absl::StrAppend(&text, ", perplexity ", Rise(candidate));
    if (candidate.published().has_importance()) absl::StrAppend(&text, ", with importance data");
  }
  return text;
}

std::string HeadText(const RecommendResult& result) {
  const bool is_large = result.num_weights() >= 1e9;
  std::string text = absl::StrFormat("%s: %.2f %s weights; %s\n", EscapeText(result.model()),
                                     result.num_weights() / (is_large ? 1e9 : 1e6),
                                     is_large ? "billion" : "million", result.basis());
  absl::StrAppend(&text, "  memory   ", Size(result.memory_bytes()), " (", result.memory_source(),
                  ") - ", Size(result.headroom_bytes()),
                  " headroom = ", Size(result.budget_bytes()), "\n  cache    ");
  absl::StrAppend(
      &text, absl::StrJoin(result.caches(), ", ", [](std::string* out, const auto& cache) {
        absl::StrAppend(out, cache.type_k(), cache.type_k() == cache.type_v() ? "" : "/",
                        cache.type_k() == cache.type_v() ? "" : cache.type_v(), " ",
                        Size(cache.bytes()));
      }));
  absl::StrAppendFormat(&text, " for %.0f tokens: %.0f cells in %d layers", result.context(),
                        result.full_cells(), result.full_layers());
  if (result.sliding_layers() > 0) {
    absl::StrAppendFormat(&text, ", %.0f in %d sliding ones", result.sliding_cells(),
                          result.sliding_layers());
  }
  const double buffers = result.candidates().empty() ? 0 : result.candidates(0).buffer_bytes();
  absl::StrAppend(&text, "\n  buffers  ", Size(buffers), ": ", result.buffers(), "\n\n");
  return text;
}

std::string ChoicesText(const RecommendResult& result) {
  std::string text;
  for (const auto& choice : result.choices()) {
    const RecommendCandidate& candidate = result.candidates(choice.candidate());
    const auto& first = result.choices(0);
    if (choice.priority() != first.priority() && choice.candidate() == first.candidate()) {
      absl::StrAppendFormat(&text, "%-10sthe same\n", choice.priority());
      continue;
    }
    absl::StrAppendFormat(&text, "%-10s%s with %s %s cache: %s of %s\n", choice.priority(),
                          candidate.type(), CacheOf(candidate) == "f16" ? "an" : "a",
                          CacheOf(candidate), Sum(candidate), Size(result.budget_bytes()));
    absl::StrAppend(&text, "          ", choice.meaning(), ": ", LossOf(candidate), "; ",
                    Size(candidate.bytes_per_token()), " read per token\n");
  }
  return text;
}

}  // namespace

RecommendResult ReportAdvice(const ModelFacts& facts, const AdviceRequest& request,
                             const Advice& advice, absl::string_view memory_source,
                             absl::string_view priority) {
  RecommendResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_model(ToUtf8(facts.name));
  result.set_basis(facts.basis);
  result.set_architecture(std::string(facts.config.family->architecture));
  result.set_num_weights(facts.num_weights);
  result.set_memory_bytes(request.memory);
  result.set_memory_source(std::string(memory_source));
  result.set_headroom_bytes(request.headroom);
  result.set_budget_bytes(advice.budget);
  SetCells(facts, request, &result);
  for (const CacheChoice& cache : advice.caches) {
    auto* reported = result.add_caches();
    reported->set_type_k(CacheName(cache.keys));
    reported->set_type_v(CacheName(cache.values));
    reported->set_bytes(cache.bytes);
    reported->set_divergence(cache.divergence);
  }
  SetChoices(advice, priority, &result);
  for (const Fit& fit : advice.fits) SetCandidate(facts, advice, fit, result.add_candidates());
  for (const RefusedType& refused : facts.refused) {
    auto* reported = result.add_refused();
    reported->set_type(refused.type);
    reported->set_reason(ToUtf8(refused.reason));
  }
  result.set_least_memory_bytes(LeastMemory(advice, request));
  const QualityTables& tables = QualityTables::Get();
  result.add_notes(absl::StrCat("divergence and perplexity: ", tables.weights_source(),
                                "; of caches: ", tables.cache_source()));
  result.add_notes(absl::StrCat("ours: divergence of ", kMeasuredSource));
  for (const auto* warnings : {&facts.warnings, &advice.warnings}) {
    for (const std::string& warning : *warnings) result.add_warnings(ToUtf8(warning));
  }
  return result;
}

std::string AdviceText(const RecommendResult& result, bool all) {
  using A = Align;
  Table table({A::kLeft, A::kLeft, A::kRight, A::kRight, A::kRight, A::kRight, A::kRight, A::kRight,
               A::kRight, A::kLeft});
  table.AddRow({"type", "cache", "weights", "total", "spare", "per token", "divergence",
                "perplexity", "ours", ""});
  size_t num_hidden = 0;
  for (int i = 0; i < result.candidates_size(); ++i) {
    const RecommendCandidate& candidate = result.candidates(i);
    const std::string best =
        absl::StrJoin(result.choices(), "", [i](std::string* out, const auto& choice) {
          if (choice.candidate() != i) return;
          absl::StrAppend(out, out->empty() ? "<- " : ", ", choice.priority());
        });
    if (candidate.is_dominated() && best.empty() && !all) {
      ++num_hidden;
      continue;
    }
    table.AddRow({candidate.type(), CacheOf(candidate), Size(candidate.weight_bytes()),
                  Size(candidate.total_bytes()), Size(candidate.spare_bytes()),
                  Size(candidate.bytes_per_token()), Divergence(candidate), Rise(candidate),
                  Ours(candidate), candidate.fits() ? best : "does not fit"});
  }
  std::string text = absl::StrCat(HeadText(result), ChoicesText(result), "\n", table.ToString());
  if (num_hidden > 0) {
    absl::StrAppend(&text, "  (--verbose: ", num_hidden,
                    " more that are no smaller than one which loses less, or without a published "
                    "figure)\n");
  }
  if (all) {
    for (const auto& refused : result.refused()) {
      absl::StrAppend(&text, "  not ", refused.type(), ": ", EscapeText(refused.reason()), "\n");
    }
  }
  absl::StrAppend(&text, "\n");
  for (const std::string& note : result.notes()) absl::StrAppend(&text, note, "\n");
  return text;
}

std::string NothingFits(const RecommendResult& result) {
  const auto smallest = std::min_element(
      result.candidates().begin(), result.candidates().end(),
      [](const auto& a, const auto& b) { return a.total_bytes() < b.total_bytes(); });
  return absl::StrCat("nothing fits ", result.model(), " into ", Size(result.memory_bytes()),
                      " less ", Size(result.headroom_bytes()), " headroom: the smallest, ",
                      smallest->type(), " with ", CacheOf(*smallest) == "f16" ? "an " : "a ",
                      CacheOf(*smallest), " cache, takes ", Sum(*smallest), ", ",
                      Size(-smallest->spare_bytes()), " too much; expected at least ",
                      Size(result.least_memory_bytes()),
                      ": use more memory, a shorter context (-c) or a smaller model");
}

}  // namespace gguf
