#include "formats/ollama_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "formats/folder.h"
#include "formats/sha256.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "nlohmann/json.hpp"

namespace gguf {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kUsualHost = "registry.ollama.ai";
constexpr absl::string_view kUsualNamespace = "library";
constexpr absl::string_view kUsualTag = "latest";
constexpr size_t kMaxNameBytes = 80;
constexpr uint64_t kChunkBytes = 1024 * 1024;

constexpr char kManifestType[] = "application/vnd.docker.distribution.manifest.v2+json";
constexpr char kConfigType[] = "application/vnd.docker.container.image.v1+json";
constexpr absl::string_view kLayerType = "application/vnd.ollama.image.";

// How Gemma 3 is asked: a system message is one more turn of the user.
constexpr absl::string_view kTemplate =
    R"({{- range $i, $m := .Messages }}
{{- if eq $m.Role "assistant" }}<start_of_turn>model
{{ $m.Content }}<end_of_turn>
{{ else }}<start_of_turn>user
{{ $m.Content }}<end_of_turn>
{{ end }}
{{- end }}<start_of_turn>model
)";
// The sampling that Gemma 3 is published with.
constexpr absl::string_view kParameters =
    R"({"stop":["<end_of_turn>"],"temperature":1,"top_k":64,"top_p":0.95})";
constexpr absl::string_view kModelfileParameters =
    "PARAMETER stop <end_of_turn>\n"
    "PARAMETER temperature 1\n"
    "PARAMETER top_k 64\n"
    "PARAMETER top_p 0.95\n";

struct Blob {
  std::string digest;  // "sha256:<hex>"
  uint64_t size;
};

absl::Span<const uint8_t> BytesOf(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

std::string BlobPath(absl::string_view folder, absl::string_view hex) {
  return JoinPath(JoinPath(folder, "blobs"), absl::StrCat("sha256-", hex));
}

std::string ManifestPath(absl::string_view folder, const OllamaName& name) {
  return absl::StrCat(JoinPath(folder, "manifests"), "/", name.host, "/", name.name_space, "/",
                      name.model, "/", name.tag);
}

absl::Status WriteText(const std::string& path, absl::string_view text, bool replace) {
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file,
                        OutputFile::Create(path, text.size(), {replace}));
  GGUF_RETURN_IF_ERROR(file->Write(0, BytesOf(text)));
  return file->Commit();
}

absl::StatusOr<Blob> WriteBlob(absl::string_view folder, absl::string_view text) {
  Sha256 hash;
  hash.Update(BytesOf(text));
  const std::string hex = hash.HexDigest();
  GGUF_RETURN_IF_ERROR(WriteText(BlobPath(folder, hex), text, /*replace=*/true));
  return Blob{absl::StrCat("sha256:", hex), text.size()};
}

absl::StatusOr<Blob> HashFile(const std::string& path, const HashProgress& progress) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file, OpenFile(path));
  Sha256 hash;
  std::vector<uint8_t> buffer;
  for (uint64_t offset = 0; offset < file->size(); offset += buffer.size()) {
    if (progress.cancelled != nullptr && progress.cancelled->load()) {
      return absl::CancelledError("interrupted");
    }
    buffer.resize(std::min(kChunkBytes, file->size() - offset));
    GGUF_RETURN_IF_ERROR(file->Read(offset, absl::MakeSpan(buffer)));
    hash.Update(buffer);
    if (progress.progress) progress.progress(buffer.size());
  }
  return Blob{absl::StrCat("sha256:", hash.HexDigest()), file->size()};
}

absl::Status MakeFolders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(path, ": this folder cannot be made: ", error.message(), "."));
}

absl::Status CopyFile(const std::string& path, const std::string& copy,
                      const std::atomic<bool>* cancelled) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> file, OpenFile(path));
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> output,
                        OutputFile::Create(copy, file->size(), {/*replace=*/true}));
  std::vector<uint8_t> buffer;
  for (uint64_t offset = 0; offset < file->size(); offset += buffer.size()) {
    if (cancelled != nullptr && cancelled->load()) return absl::CancelledError("interrupted");
    buffer.resize(std::min(kChunkBytes, file->size() - offset));
    GGUF_RETURN_IF_ERROR(file->Read(offset, absl::MakeSpan(buffer)));
    GGUF_RETURN_IF_ERROR(output->Write(offset, buffer));
  }
  return output->Commit();
}

// The filesystem of `path`, or of the nearest folder above it that exists.
absl::optional<dev_t> FilesystemOf(absl::string_view path) {
  std::error_code error;
  std::filesystem::path place = std::filesystem::absolute(std::string(path), error);
  struct stat found;
  while (!error && !place.empty()) {
    if (stat(place.c_str(), &found) == 0) return found.st_dev;
    if (place == place.parent_path()) break;
    place = place.parent_path();
  }
  return absl::nullopt;
}

// Gives the file at `path` the blob's name too, or copies it to another filesystem. The same blob
// there already is as good.
absl::Status TakeModel(const std::string& path, const std::string& blob, bool is_moved,
                       const std::atomic<bool>* cancelled) {
  if (IsSameFile(path, blob)) return absl::OkStatus();
  const int failure = link(path.c_str(), blob.c_str()) == 0 ? 0 : errno;
  if (failure == EXDEV || failure == EPERM || failure == EOPNOTSUPP) {  // or no links at all
    GGUF_RETURN_IF_ERROR(CopyFile(path, blob, cancelled));
  } else if (failure != 0 && failure != EEXIST) {
    return absl::FailedPreconditionError(absl::StrCat(
        blob, ": cannot become another name of ", path, ": ", std::strerror(failure),
        "; leave the output's name out, so that the model is written into the store directly."));
  }
  if (is_moved && unlink(path.c_str()) != 0) {
    return absl::InternalError(
        absl::StrCat(path, ": cannot be removed: ", std::strerror(errno), "."));
  }
  return absl::OkStatus();
}

Json LayerOf(absl::string_view type, const Blob& blob) {
  return {
      {"mediaType", absl::StrCat(kLayerType, type)}, {"digest", blob.digest}, {"size", blob.size}};
}

std::string ConfigText(const OllamaModelFacts& facts, const std::vector<Blob>& layers) {
  Json digests = Json::array();
  for (const Blob& layer : layers) digests.push_back(layer.digest);
  const Json config = {{"model_format", "gguf"},
                       {"model_family", facts.family},
                       {"model_families", Json::array({facts.family})},
                       {"model_type", OllamaModelType(facts.num_values)},
                       {"file_type", facts.file_type},
                       {"architecture", "amd64"},
                       {"os", "linux"},
                       {"rootfs", {{"type", "layers"}, {"diff_ids", digests}}}};
  return config.dump();
}

bool IsNamePart(absl::string_view part) {
  if (part.empty() || part.size() > kMaxNameBytes || part[0] == '.') return false;
  return std::all_of(part.begin(), part.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace

std::string OllamaName::ToString() const {
  std::string text;
  if (host != kUsualHost) absl::StrAppend(&text, host, "/");
  if (host != kUsualHost || name_space != kUsualNamespace) absl::StrAppend(&text, name_space, "/");
  return absl::StrCat(text, model, ":", tag);
}

absl::StatusOr<OllamaName> ParseOllamaName(absl::string_view text) {
  OllamaName name = {std::string(kUsualHost), std::string(kUsualNamespace), "",
                     std::string(kUsualTag)};
  std::vector<std::string> parts = absl::StrSplit(text, '/');
  std::string& last = parts.back();
  if (const size_t colon = last.find(':'); colon != std::string::npos) {
    name.tag = last.substr(colon + 1);
    last.resize(colon);
  }
  name.model = last;
  if (parts.size() > 1) name.name_space = parts[parts.size() - 2];
  if (parts.size() > 2) name.host = parts[parts.size() - 3];
  const bool is_right = parts.size() <= 3 && IsNamePart(name.host) && IsNamePart(name.name_space) &&
                        IsNamePart(name.model) && IsNamePart(name.tag);
  if (is_right) return name;
  return absl::InvalidArgumentError(absl::StrCat(
      "'", EscapeText(text, 200),
      "' is no model name; expected [[HOST/]NAMESPACE/]MODEL[:TAG] of letters, digits, "
      "'.', '_' and '-'"));
}

std::string OllamaModelType(uint64_t num_values) {
  const auto shown = [](double value, int decimals, char unit) {
    std::string text = absl::StrFormat("%.*f", decimals, value);
    const std::string whole = absl::StrFormat("%.0f", value);
    if (text == absl::StrCat(whole, ".", std::string(decimals, '0'))) text = whole;
    return absl::StrCat(text, std::string(1, unit));
  };
  const auto values = static_cast<double>(num_values);
  if (values >= 1e9) return shown(values / 1e9, 1, 'B');
  if (values >= 1e6) return shown(values / 1e6, 2, 'M');
  return shown(values / 1e3, 2, 'K');
}

absl::Status CheckOllamaName(absl::string_view folder, const OllamaName& name, bool replace) {
  const std::string path = ManifestPath(folder, name);
  if (replace || KindOf(path) == PathKind::kNothing) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(path, ": the store has a model called ",
                                               name.ToString(),
                                               "; use --force to replace it, or another --name."));
}

absl::StatusOr<std::string> PrepareOllamaStore(absl::string_view folder, const OllamaName& name) {
  const std::string blobs = JoinPath(folder, "blobs");
  GGUF_RETURN_IF_ERROR(MakeFolders(blobs));
  std::string path = JoinPath(blobs, absl::StrCat("incomplete-", name.model, "-", name.tag));
  unlink(path.c_str());  // what a run that was killed left
  return path;
}

void RemoveEmptyStore(absl::string_view folder, bool is_new) {
  rmdir(JoinPath(folder, "blobs").c_str());  // refused when there is something in it
  if (is_new) rmdir(std::string(folder).c_str());
}

bool NeedsCopy(absl::string_view folder, absl::string_view path) {
  return FilesystemOf(folder) != FilesystemOf(path);
}

absl::StatusOr<std::string> AddToOllamaStore(absl::string_view folder, const OllamaName& name,
                                             const OllamaModelFacts& facts, const std::string& path,
                                             bool is_moved, bool replace,
                                             const HashProgress& progress) {
  GGUF_RETURN_IF_ERROR(CheckOllamaName(folder, name, replace));
  GGUF_RETURN_IF_ERROR(MakeFolders(JoinPath(folder, "blobs")));
  GGUF_ASSIGN_OR_RETURN(const Blob model, HashFile(path, progress));
  const std::string hex(absl::StripPrefix(model.digest, "sha256:"));
  const std::string blob_path = BlobPath(folder, hex);
  GGUF_RETURN_IF_ERROR(TakeModel(path, blob_path, is_moved, progress.cancelled));
  GGUF_ASSIGN_OR_RETURN(const Blob prompt, WriteBlob(folder, kTemplate));
  GGUF_ASSIGN_OR_RETURN(const Blob parameters, WriteBlob(folder, kParameters));
  GGUF_ASSIGN_OR_RETURN(const Blob config,
                        WriteBlob(folder, ConfigText(facts, {model, prompt, parameters})));
  GGUF_RETURN_IF_ERROR(
      WriteText(JoinPath(folder, absl::StrCat(name.model, "-", name.tag, ".Modelfile")),
                absl::StrCat("FROM ./blobs/sha256-", hex, "\n", kModelfileParameters,
                             "TEMPLATE \"\"\"", kTemplate, "\"\"\"\n"),
                /*replace=*/true));
  const Json manifest = {
      {"schemaVersion", 2},
      {"mediaType", kManifestType},
      {"config", {{"mediaType", kConfigType}, {"digest", config.digest}, {"size", config.size}}},
      {"layers", Json::array({LayerOf("model", model), LayerOf("template", prompt),
                              LayerOf("params", parameters)})}};
  const std::string manifest_path = ManifestPath(folder, name);
  GGUF_RETURN_IF_ERROR(MakeFolders(std::filesystem::path(manifest_path).parent_path().string()));
  GGUF_RETURN_IF_ERROR(WriteText(manifest_path, manifest.dump() + "\n", replace));
  return blob_path;
}

}  // namespace gguf
