#include "tools/gguf_commands/compress.h"

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/zstd_compress.h"
#include "gguf/io/zstd_file.h"
#include "gguf/io/zstd_frames.h"
#include "gguf/reader.h"
#include "tools/cli/progress.h"
#include "tools/report/render.h"
#include "tools/report/result.pb.h"

namespace gguf {
namespace {

absl::Status CheckFiles(const std::string& input, const std::string& output) {
  // The head at least: a file that no program would read afterwards is refused at once.
  GGUF_RETURN_IF_ERROR(GgufFile::Open(input).status());
  if (!IsSameFile(input, output)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", output, "' is the input too; choose another name for the output"));
}

CopyOptions ToCopyOptions(const EditFlags& flags, const CommonOptions& common, ProgressBar* bar,
                          const std::string& input) {
  CopyOptions options;
  options.replace = flags.force;
  options.threads = common.threads;
  options.cancelled = &Interrupted();
  options.progress = [bar, &input](uint64_t bytes) { bar->Advance(bytes, input); };
  return options;
}

absl::Status Print(absl::string_view command, const std::string& input, uint64_t input_bytes,
                   const std::string& output, uint64_t output_bytes, const EditFlags& flags,
                   const CommonOptions& common) {
  GGUF_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::Open(flags.dry_run ? input : output));
  gguf_toolchain::EditResult result;
  result.set_schema_version(kSchemaVersion);
  result.set_command(std::string(command));
  result.set_input(ToUtf8(input));
  result.set_input_bytes(static_cast<double>(input_bytes));
  result.set_is_dry_run(flags.dry_run);
  gguf_toolchain::FileResult* written = result.add_files();
  written->set_path(ToUtf8(output));
  written->set_num_tensors(static_cast<double>(file.tensors().size()));
  written->set_bytes(static_cast<double>(output_bytes));
  return PrintEdit(result, common);
}

}  // namespace

absl::Status Compress(const std::string& input, const std::string& given, int level,
                      const EditFlags& flags, const CommonOptions& common) {
  const std::string output = given.empty() ? absl::StrCat(input, kZstdSuffix) : given;
  if (!absl::EndsWith(output, kZstdSuffix)) {
    return UsageError(
        absl::StrCat("output '", output, "': expected a name that ends in ", kZstdSuffix));
  }
  if (IsZstdFile(input)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", input, "' is compressed already; use gguf decompress first to compress it anew"));
  }
  GGUF_RETURN_IF_ERROR(CheckFiles(input, output));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> in, OpenFile(input));
  uint64_t size = 0;
  if (!flags.dry_run) {
    ProgressBar bar("compress", in->size(), common.progress, common.quiet);
    GGUF_ASSIGN_OR_RETURN(
        size, CompressFile(*in, output, level, ToCopyOptions(flags, common, &bar, input)));
  }
  return Print("compress", input, in->size(), output, size, flags, common);
}

absl::Status Decompress(const std::string& input, const std::string& given, const EditFlags& flags,
                        const CommonOptions& common) {
  if (!IsZstdFile(input)) {
    GGUF_RETURN_IF_ERROR(OpenFile(input).status());
    return absl::InvalidArgumentError(
        absl::StrCat("'", input, "' is not compressed with zstd, expected a .gguf.zst"));
  }
  std::string output = given;
  if (output.empty()) {
    if (!absl::EndsWith(input, kZstdSuffix)) {
      return UsageError(absl::StrCat("'", input, "' does not end in ", kZstdSuffix,
                                     "; say how the output is to be called"));
    }
    output = input.substr(0, input.size() - kZstdSuffix.size());
  }
  GGUF_RETURN_IF_ERROR(CheckFiles(input, output));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> packed, OpenFile(input));
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> in, OpenDecompressed(input));
  if (!flags.dry_run) {
    ProgressBar bar("decompress", in->size(), common.progress, common.quiet);
    GGUF_RETURN_IF_ERROR(CopyFile(*in, output, ToCopyOptions(flags, common, &bar, input)));
  }
  return Print("decompress", input, packed->size(), output, in->size(), flags, common);
}

}  // namespace gguf
