// What an artifact was made from, and how: an in-toto Statement (v1, in-toto.io) with SLSA's
// provenance predicate (v1, slsa.dev), as JSON.
//
//   subject                          the artifact's files, with SHA-256
//   predicate.buildDefinition
//     externalParameters             program, and the options that can change the bytes
//     internalParameters             type and effort of this artifact
//     resolvedDependencies           files that were read, with SHA-256
//   predicate.runDetails
//     builder                        id, version
//     metadata                       only with SOURCE_DATE_EPOCH: finishedOn
//     byproducts                     per tensor: name, SHA-256 of its data, and as annotations its
//                                    type, source type and, when measured, errors
//
// Names are file names without folders. Nothing depends on time, machine or folder, so that two
// runs say the same bytes.

#ifndef GGUF_TOOLCHAIN_TOOLS_PROVENANCE_STATEMENT_H_
#define GGUF_TOOLCHAIN_TOOLS_PROVENANCE_STATEMENT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace gguf {

struct StatedFile {
  std::string name;
  std::string sha256;  // 64 lower-case hexadecimal digits
};

struct StatedTensor {
  std::string name;
  std::string type;         // of the artifact
  std::string source_type;  // empty: not stated
  std::string sha256;       // of the data without padding, little-endian
  absl::optional<double> relative_rmse;
  absl::optional<double> max_abs_error;
};

struct Statement {
  std::string program, version;
  std::vector<std::pair<std::string, std::vector<std::string>>> options;  // name, values
  std::string type, effort;
  std::string finished;  // "2026-01-31T12:00:00Z", or empty
  std::vector<StatedFile> subjects;
  std::vector<StatedFile> dependencies;
  std::vector<StatedTensor> tensors;
};

// Ends in a line break. Invalid UTF-8 is replaced.
std::string EncodeStatement(const Statement& statement);

inline constexpr uint64_t kMaxStatementBytes = uint64_t{64} << 20;

// InvalidArgument, naming file and member: not JSON, another kind of statement or predicate, a
// member of the wrong kind, a digest that is none, no subject. Members that are not listed above
// are ignored, as both formats ask.
absl::StatusOr<Statement> ParseStatement(absl::string_view file_name, absl::string_view text);

// "out.gguf.provenance.json" beside `artifact`, which may be a shard of a set (all have one) or
// compressed (".zst").
std::string StatementPath(absl::string_view artifact);

// Of the environment's SOURCE_DATE_EPOCH; empty when it is not set. InvalidArgument when it is no
// number of seconds.
absl::StatusOr<std::string> TimeOfEpoch(const char* source_date_epoch);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_PROVENANCE_STATEMENT_H_
