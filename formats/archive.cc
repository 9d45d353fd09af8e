#include "formats/archive.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "formats/tar.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/zstd_file.h"
#include "gguf/io/zstd_random_access.h"

namespace gguf {
namespace {

constexpr absl::string_view kWeights = ".safetensors";
constexpr absl::string_view kCheckpointFiles[] = {"config.json", "adapter_config.json"};

using Bytes = std::shared_ptr<const std::string>;

// A file of the archive, whose first bytes may have been kept.
class MemberFile : public RandomAccessFile {
 public:
  MemberFile(std::string name, std::shared_ptr<ZstdRandomAccess> stream, const TarMember& member,
             Bytes kept)
      : name_(std::move(name)),
        stream_(std::move(stream)),
        offset_(member.offset),
        size_(member.size),
        kept_(std::move(kept)) {}

  const std::string& name() const override { return name_; }
  uint64_t size() const override { return size_; }
  absl::optional<uint64_t> stream_offset() const override { return offset_; }

  absl::Status Read(uint64_t offset, absl::Span<uint8_t> out) const override {
    if (offset > size_ || out.size() > size_ - offset) {
      return absl::OutOfRangeError(absl::StrCat("'", name_, "' has ", size_, " bytes, cannot read ",
                                                out.size(), " at byte ", offset));
    }
    if (kept_ != nullptr && offset + out.size() <= kept_->size()) {
      std::copy_n(kept_->begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      return absl::OkStatus();
    }
    GGUF_ASSIGN_OR_RETURN(const size_t count, stream_->Read(offset_ + offset, out));
    if (count == out.size()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(
        "'", name_, "' ends too early: the archive changed while it was read; start again."));
  }

 private:
  std::string name_;
  std::shared_ptr<ZstdRandomAccess> stream_;
  uint64_t offset_;
  uint64_t size_;
  Bytes kept_;
};

absl::string_view FolderOf(absl::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == absl::string_view::npos ? absl::string_view() : name.substr(0, slash);
}

absl::string_view LastPart(absl::string_view name) {
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

size_t DepthOf(absl::string_view name) { return std::count(name.begin(), name.end(), '/'); }

bool IsCheckpointFile(absl::string_view name) {
  return std::find(std::begin(kCheckpointFiles), std::end(kCheckpointFiles), LastPart(name)) !=
         std::end(kCheckpointFiles);
}

// File name of an archive without what says that it is one.
std::string NameOfArchive(absl::string_view path) {
  absl::string_view name = LastPart(path);
  if (!absl::ConsumeSuffix(&name, ".tar.zst")) absl::ConsumeSuffix(&name, ".tzst");
  return std::string(name);
}

class Archive : public FolderContents {
 public:
  static absl::StatusOr<std::shared_ptr<const Archive>> Open(absl::string_view path) {
    GGUF_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessFile> file, ::gguf::OpenFile(path));
    const auto archive =
        std::make_shared<Archive>(std::make_shared<ZstdRandomAccess>(std::move(file)));
    GGUF_RETURN_IF_ERROR(archive->List());
    GGUF_RETURN_IF_ERROR(archive->FindRoot());
    return archive;
  }

  explicit Archive(std::shared_ptr<ZstdRandomAccess> stream) : stream_(std::move(stream)) {}

  bool HasFile(absl::string_view file_name) const override { return Find(file_name) != nullptr; }

  std::vector<std::string> ListFiles() const override {
    std::vector<std::string> names;
    for (const auto& [name, entry] : entries_) {
      if (FolderOf(name) == root_) names.emplace_back(LastPart(name));
    }
    return names;
  }

  std::string folder_name() const override {
    return root_.empty() ? NameOfArchive(stream_->name()) : std::string(LastPart(root_));
  }

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> OpenFile(
      absl::string_view file_name) const override {
    const std::string name = JoinPath(stream_->name(), file_name);
    const Entry* entry = Find(file_name);
    if (entry == nullptr) {
      return absl::NotFoundError(absl::StrCat("cannot open '", name, "': no such file"));
    }
    return std::make_unique<MemberFile>(name, stream_, entry->member, entry->kept);
  }

  std::function<std::string()> reading_note() const override {
    return [stream = stream_]() -> std::string {
      return absl::StrCat(stream->name(), ": decompressed ", FormatSize(stream->decoded_bytes()),
                          " in all, restarts: ", stream->num_restarts());
    };
  }

 private:
  struct Entry {
    TarMember member;
    Bytes kept;  // the first bytes, or all; null: none
  };

  const Entry* Find(absl::string_view file_name) const {
    const std::string name =
        root_.empty() ? std::string(file_name) : absl::StrCat(root_, "/", file_name);
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }

  absl::Status Refuse(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(stream_->name(), ": ", what, "."));
  }

  // How many first bytes of a file are worth keeping: a header, or everything.
  absl::StatusOr<uint64_t> BytesToKeep(const TarMember& member) const {
    if (!absl::EndsWith(member.name, kWeights)) return member.size;
    uint8_t prefix[8];
    if (member.size < sizeof(prefix)) return member.size;
    GGUF_ASSIGN_OR_RETURN(size_t count, stream_->Read(member.offset, absl::MakeSpan(prefix)));
    if (count < sizeof(prefix)) return uint64_t{0};  // ReadTar says so
    uint64_t header_bytes = 0;
    for (int i = 7; i >= 0; --i) header_bytes = header_bytes << 8 | prefix[i];
    return header_bytes > member.size - sizeof(prefix) ? 0 : sizeof(prefix) + header_bytes;
  }

  absl::StatusOr<Bytes> Keep(const TarMember& member) {
    GGUF_ASSIGN_OR_RETURN(const uint64_t size, BytesToKeep(member));
    if (size > kMaxKeptBytes - kept_bytes_) return Bytes();
    // Piece by piece: the size is only a claim until the bytes are there.
    constexpr uint64_t kPiece = uint64_t{1} << 20;
    std::string bytes;
    while (bytes.size() < size) {
      const uint64_t begin = bytes.size();
      const uint64_t piece = std::min(kPiece, size - begin);
      bytes.resize(begin + piece);
      GGUF_ASSIGN_OR_RETURN(
          const size_t count,
          stream_->Read(member.offset + begin,
                        absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()) + begin, piece)));
      if (count < piece) return Bytes();  // ReadTar says so
    }
    kept_bytes_ += size;
    return std::make_shared<const std::string>(std::move(bytes));
  }

  absl::Status List() {
    const auto read = [this](uint64_t offset, absl::Span<uint8_t> out) {
      return stream_->Read(offset, out);
    };
    return ReadTar(stream_->name(), read, [this](const TarMember& member) -> absl::Status {
      Entry entry = {member, nullptr};
      if (member.is_file) {
        GGUF_ASSIGN_OR_RETURN(entry.kept, Keep(member));
      }
      const std::string& name = entry.member.name;
      if (entries_.try_emplace(name, std::move(entry)).second) return absl::OkStatus();
      return Refuse(absl::StrCat("holds '", EscapeText(member.name, 80),
                                 "' twice; pack the folder into a new archive"));
    });
  }

  // The outermost folder with a checkpoint in it.
  absl::Status FindRoot() {
    size_t depth = std::string::npos;
    for (const auto& [name, entry] : entries_) {
      if (IsCheckpointFile(name)) depth = std::min(depth, DepthOf(name));
    }
    std::vector<absl::string_view> roots;
    for (const auto& [name, entry] : entries_) {
      if (!IsCheckpointFile(name) || DepthOf(name) != depth) continue;
      if (roots.empty() || roots.back() != FolderOf(name)) roots.push_back(FolderOf(name));
    }
    if (roots.empty()) {
      return Refuse(
          "is an archive without config.json; expected one with the folder of a Hugging Face "
          "checkpoint");
    }
    if (roots.size() > 1) {
      return Refuse(absl::StrCat("holds several checkpoints ('", EscapeText(roots[0], 80), "', '",
                                 EscapeText(roots[1], 80), "'); pack each by itself"));
    }
    root_ = std::string(roots[0]);
    for (const auto& [name, entry] : entries_) {
      if (entry.member.is_file || FolderOf(name) != root_) continue;
      return Refuse(absl::StrCat("'", EscapeText(name, 80),
                                 "' is a link or a device, not a file; pack the folder with tar "
                                 "--dereference --hard-dereference"));
    }
    return absl::OkStatus();
  }

  std::shared_ptr<ZstdRandomAccess> stream_;
  absl::btree_map<std::string, Entry> entries_;
  uint64_t kept_bytes_ = 0;
  std::string root_;  // "" or "folder/folder"
};

}  // namespace

bool IsArchive(absl::string_view path) {
  if (KindOf(path) != PathKind::kFile) return false;
  if (!IsZstdFile(path)) return false;
  // A tar archive may begin with "GGUF", too, as the name of its first file; the version number of
  // a GGUF has zeros.
  const absl::StatusOr<std::string> bytes = FirstDecompressedBytes(path, 8);
  return !bytes.ok() || !absl::StartsWith(*bytes, "GGUF") ||
         !absl::StrContains(bytes->substr(4), absl::string_view("\0", 1));
}

absl::StatusOr<Folder> OpenFolder(absl::string_view path) {
  if (!IsArchive(path)) return Folder(path);
  GGUF_ASSIGN_OR_RETURN(std::shared_ptr<const Archive> archive, Archive::Open(path));
  return Folder(path, std::move(archive));
}

}  // namespace gguf
