#include "tools/provenance/statement.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "formats/json.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "nlohmann/json.hpp"

namespace gguf {
namespace {

using Tree = nlohmann::ordered_json;

constexpr char kStatementType[] = "https://in-toto.io/Statement/v1";
constexpr char kPredicateType[] = "https://slsa.dev/provenance/v1";
constexpr char kBuildType[] = "urn:gguf-toolchain:write:v1";
constexpr char kBuilder[] = "urn:gguf-toolchain:local";
constexpr char kSuffix[] = ".provenance.json";

Tree FileTree(const StatedFile& file) {
  return {{"name", file.name}, {"digest", {{"sha256", file.sha256}}}};
}

Tree FileTrees(const std::vector<StatedFile>& files) {
  Tree list = Tree::array();
  for (const StatedFile& file : files) list.push_back(FileTree(file));
  return list;
}

Tree TensorTree(const StatedTensor& tensor) {
  Tree tree = FileTree({tensor.name, tensor.sha256});
  Tree& notes = tree["annotations"];
  notes["type"] = tensor.type;
  if (!tensor.source_type.empty()) notes["source_type"] = tensor.source_type;
  if (tensor.relative_rmse.has_value()) notes["relative_rmse"] = *tensor.relative_rmse;
  if (tensor.max_abs_error.has_value()) notes["max_abs_error"] = *tensor.max_abs_error;
  return tree;
}

// Reads members of one file, whose name all errors begin with.
class Members {
 public:
  explicit Members(absl::string_view file_name) : file_name_(file_name) {}

  absl::Status Refuse(absl::string_view member, const Json* found,
                      absl::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrCat("'", file_name_, "': \"", member, "\" is ",
                                                   found == nullptr ? "missing" : found->Describe(),
                                                   ", expected ", expected));
  }

  absl::StatusOr<const Json*> Object(const Json& parent, absl::string_view member) const {
    const Json* found = parent.Find(member);
    if (found != nullptr && found->object() != nullptr) return found;
    return Refuse(member, found, "an object");
  }

  absl::Status CheckText(const Json& parent, absl::string_view member,
                         absl::string_view expected) const {
    const std::string* text = parent.FindString(member);
    if (text != nullptr && *text == expected) return absl::OkStatus();
    return Refuse(member, parent.Find(member), absl::StrCat("\"", expected, "\""));
  }

  // Calls read(entry) for each entry of a list; one that is missing is empty when it may be.
  template <typename Read>
  absl::Status List(const Json& parent, absl::string_view member, bool may_be_missing,
                    const Read& read) const {
    const Json* found = parent.Find(member);
    if (found == nullptr && may_be_missing) return absl::OkStatus();
    if (found == nullptr || found->array() == nullptr) return Refuse(member, found, "a list");
    for (const Json& entry : *found->array()) GGUF_RETURN_IF_ERROR(read(entry));
    return absl::OkStatus();
  }

  absl::StatusOr<StatedFile> File(const Json& entry, absl::string_view list) const {
    StatedFile file;
    const std::string* name = entry.FindString("name");
    if (name == nullptr) return Refuse(absl::StrCat(list, ".name"), entry.Find("name"), "a text");
    const Json* digests = entry.Find("digest");
    const std::string* digest = digests == nullptr ? nullptr : digests->FindString("sha256");
    if (digest == nullptr || digest->size() != 64 ||
        !std::all_of(digest->begin(), digest->end(),
                     [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); })) {
      return Refuse(absl::StrCat(list, ".digest.sha256"),
                    digests == nullptr ? nullptr : digests->Find("sha256"),
                    "64 lower-case hexadecimal digits");
    }
    file.name = *name;
    file.sha256 = *digest;
    return file;
  }

 private:
  absl::string_view file_name_;
};

absl::StatusOr<StatedTensor> ParseTensor(const Members& members, const Json& entry) {
  GGUF_ASSIGN_OR_RETURN(const StatedFile file, members.File(entry, "byproducts"));
  GGUF_ASSIGN_OR_RETURN(const Json* notes, members.Object(entry, "annotations"));
  const std::string* type = notes->FindString("type");
  if (type == nullptr) return members.Refuse("annotations.type", notes->Find("type"), "a text");
  StatedTensor tensor;
  tensor.name = file.name;
  tensor.sha256 = file.sha256;
  tensor.type = *type;
  const std::string* source_type = notes->FindString("source_type");
  if (source_type != nullptr) tensor.source_type = *source_type;
  for (const auto& [name, field] : {std::make_pair("relative_rmse", &tensor.relative_rmse),
                                    std::make_pair("max_abs_error", &tensor.max_abs_error)}) {
    const Json* value = notes->Find(name);
    if (value == nullptr) continue;
    *field = value->number();
    if (!field->has_value()) return members.Refuse(name, value, "a number");
  }
  return tensor;
}

absl::Status ParseOptions(const Members& members, const Json& parameters, Statement* statement) {
  for (const auto& [name, value] : *parameters.object()) {
    if (name == "program") {
      if (value.string() == nullptr) return members.Refuse(name, &value, "a text");
      statement->program = *value.string();
      continue;
    }
    std::vector<std::string> words;
    GGUF_RETURN_IF_ERROR(
        members.List(parameters, name, false, [&](const Json& word) -> absl::Status {
          if (word.string() == nullptr) return members.Refuse(name, &word, "texts");
          words.push_back(*word.string());
          return absl::OkStatus();
        }));
    statement->options.emplace_back(name, std::move(words));
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeStatement(const Statement& statement) {
  Tree external = {{"program", statement.program}};
  for (const auto& [name, values] : statement.options) external[name] = values;
  Tree internal = Tree::object();
  if (!statement.type.empty()) internal["type"] = statement.type;
  if (!statement.effort.empty()) internal["effort"] = statement.effort;
  Tree run = {
      {"builder", {{"id", kBuilder}, {"version", {{"gguf_toolchain", statement.version}}}}}};
  if (!statement.finished.empty()) run["metadata"] = {{"finishedOn", statement.finished}};
  Tree tensors = Tree::array();
  for (const StatedTensor& tensor : statement.tensors) tensors.push_back(TensorTree(tensor));
  run["byproducts"] = std::move(tensors);
  Tree definition = {{"buildType", kBuildType}};
  definition["externalParameters"] = std::move(external);
  definition["internalParameters"] = std::move(internal);
  definition["resolvedDependencies"] = FileTrees(statement.dependencies);
  Tree tree = {{"_type", kStatementType}};
  tree["subject"] = FileTrees(statement.subjects);
  tree["predicateType"] = kPredicateType;
  tree["predicate"]["buildDefinition"] = std::move(definition);
  tree["predicate"]["runDetails"] = std::move(run);
  return tree.dump(2, ' ', /*ensure_ascii=*/false, Tree::error_handler_t::replace) + "\n";
}

absl::StatusOr<Statement> ParseStatement(absl::string_view file_name, absl::string_view text) {
  GGUF_ASSIGN_OR_RETURN(const Json tree, ParseJsonObject(file_name, text));
  const Members members(file_name);
  GGUF_RETURN_IF_ERROR(members.CheckText(tree, "_type", kStatementType));
  GGUF_RETURN_IF_ERROR(members.CheckText(tree, "predicateType", kPredicateType));
  GGUF_ASSIGN_OR_RETURN(const Json* predicate, members.Object(tree, "predicate"));
  GGUF_ASSIGN_OR_RETURN(const Json* definition, members.Object(*predicate, "buildDefinition"));
  GGUF_ASSIGN_OR_RETURN(const Json* run, members.Object(*predicate, "runDetails"));
  GGUF_RETURN_IF_ERROR(members.CheckText(*definition, "buildType", kBuildType));
  GGUF_ASSIGN_OR_RETURN(const Json* external, members.Object(*definition, "externalParameters"));
  Statement statement;
  GGUF_RETURN_IF_ERROR(ParseOptions(members, *external, &statement));
  const Json* internal = definition->Find("internalParameters");
  if (internal != nullptr) {
    const std::string* type = internal->FindString("type");
    const std::string* effort = internal->FindString("effort");
    if (type != nullptr) statement.type = *type;
    if (effort != nullptr) statement.effort = *effort;
  }
  for (const auto& [list, parent, files] :
       {std::make_tuple("subject", &tree, &statement.subjects),
        std::make_tuple("resolvedDependencies", definition, &statement.dependencies)}) {
    const bool may_be_missing = files == &statement.dependencies;
    const auto read = [&, files = files, list = list](const Json& entry) -> absl::Status {
      GGUF_ASSIGN_OR_RETURN(StatedFile file, members.File(entry, list));
      files->push_back(std::move(file));
      return absl::OkStatus();
    };
    GGUF_RETURN_IF_ERROR(members.List(*parent, list, may_be_missing, read));
  }
  GGUF_RETURN_IF_ERROR(members.List(*run, "byproducts", true, [&](const Json& entry) {
    absl::StatusOr<StatedTensor> tensor = ParseTensor(members, entry);
    if (tensor.ok()) statement.tensors.push_back(*std::move(tensor));
    return tensor.status();
  }));
  if (statement.subjects.empty()) {
    return members.Refuse("subject", tree.Find("subject"), "at least one file");
  }
  return statement;
}

std::string StatementPath(absl::string_view artifact) {
  constexpr size_t kShardSuffix = sizeof("-00001-of-00003") - 1;
  absl::string_view stem = absl::StripSuffix(artifact, ".zst");
  if (!absl::ConsumeSuffix(&stem, ".gguf")) return absl::StrCat(artifact, kSuffix);
  if (stem.size() > kShardSuffix) {
    const absl::string_view suffix = stem.substr(stem.size() - kShardSuffix);
    if (suffix[0] == '-' && absl::ascii_isdigit(suffix[1]) && suffix.substr(6, 4) == "-of-") {
      stem.remove_suffix(kShardSuffix);
    }
  }
  return absl::StrCat(stem, ".gguf", kSuffix);
}

absl::StatusOr<std::string> TimeOfEpoch(const char* source_date_epoch) {
  if (source_date_epoch == nullptr) return std::string();
  constexpr int64_t kLastSecond = 253402300799;  // of the year 9999
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(source_date_epoch, &seconds) || seconds < 0 || seconds > kLastSecond) {
    return absl::InvalidArgumentError(absl::StrCat("SOURCE_DATE_EPOCH is '",
                                                   EscapeText(source_date_epoch, 40),
                                                   "', expected seconds since 1970"));
  }
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", absl::FromUnixSeconds(seconds),
                          absl::UTCTimeZone());
}

}  // namespace gguf
