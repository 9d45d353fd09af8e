#include "quantize/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "formats/sha256.h"
#include "gguf/base/parallel.h"
#include "gguf/base/sizes.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/posix_error.h"

namespace gguf {
namespace {

constexpr absl::string_view kMagic = "GGUFJRNL";
constexpr uint32_t kVersion = 1;
constexpr size_t kIdentityPartBytes = 32;
constexpr size_t kPrefixBytes = 16;  // magic, version, 0
constexpr size_t kHeaderBytes = kPrefixBytes + 3 * kIdentityPartBytes;
constexpr size_t kNumberBytes = 24;  // offset, size, note
constexpr size_t kDigestBytes = 16;
constexpr size_t kCheckBytes = 8;
constexpr size_t kRecordBytes = kNumberBytes + kDigestBytes + kCheckBytes;
constexpr uint64_t kReadBytes = uint64_t{1} << 20;
constexpr int kPausePerSave = 20;
constexpr uint64_t kUsualRangeBytes = 48 << 10;  // few are smaller: kRangeValues at 1.5 bits
constexpr uint64_t kSpareRecords = 1024;         // of small tensors

constexpr absl::string_view kPartNames[] = {"another version of this program", "another source",
                                            "other options"};

absl::Span<const uint8_t> Bytes(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

std::string Digest(absl::string_view a, absl::string_view b, size_t num_bytes) {
  Sha256 hash;
  hash.Update(Bytes(a));
  hash.Update(Bytes(b));
  return absl::HexStringToBytes(hash.HexDigest()).substr(0, num_bytes);
}

void AppendU64(uint64_t value, std::string* out) {
  for (int i = 0; i < 8; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

std::string Header(absl::string_view identity) {
  std::string header(kMagic);
  AppendU64(kVersion, &header);
  return absl::StrCat(header, identity);
}

std::array<uint8_t, kDigestBytes> RangeDigest(Sha256* hash) {
  const std::string digest = absl::HexStringToBytes(hash->HexDigest());
  std::array<uint8_t, kDigestBytes> first;
  std::copy_n(digest.begin(), first.size(), first.begin());
  return first;
}

// All of the file, or as much as can be read.
std::string ReadAll(int fd, uint64_t size) {
  std::string bytes(size, '\0');
  size_t at = 0;
  while (at < size) {
    const ssize_t got = pread(fd, bytes.data() + at, size - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    at += got;
  }
  bytes.resize(at);
  return bytes;
}

absl::Status WriteAll(int fd, absl::string_view path, uint64_t offset, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0) {
      if (errno == EINTR) continue;
      return PosixError(errno, "write", path);
    }
    offset += put;
    bytes.remove_prefix(put);
  }
  return absl::OkStatus();
}

// A file that begins as a journal does, or is one whose first bytes were never written.
bool IsJournal(absl::string_view head) {
  return head.substr(0, kMagic.size()) == kMagic.substr(0, head.size());
}

std::string Percent(uint64_t part, uint64_t whole) {
  return absl::StrCat(whole == 0 ? 0 : static_cast<int>(100.0 * part / whole), " %");
}

}  // namespace

std::string JournalPath(absl::string_view output) { return absl::StrCat(output, ".journal"); }

void RemoveJournal(absl::string_view output) {
  const std::string path = JournalPath(output);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return;
  struct stat info;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && IsJournal(ReadAll(fd, kMagic.size()))) {
    unlink(path.c_str());
  }
  close(fd);
}

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(OutputFile* file,
                                                       const JournalIdentity& identity, int threads,
                                                       const std::atomic<bool>* cancelled) {
  const std::string path = JournalPath(file->path());
  int fd;
  do {
    fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return PosixError(errno, "create", path);
  auto journal =
      std::unique_ptr<Journal>(new Journal(file, path, fd,
                                           absl::StrCat(absl::HexStringToBytes(identity.program),
                                                        absl::HexStringToBytes(identity.source),
                                                        absl::HexStringToBytes(identity.plan))));
  GGUF_RETURN_IF_ERROR(journal->Load(threads, cancelled));
  if (journal->end_ == 0) GGUF_RETURN_IF_ERROR(journal->Begin());
  // So that a disk that the outputs fill has room left for saying what they hold; best effort.
  struct stat partial;
  if (stat(file->partial_path().c_str(), &partial) == 0) {
    const uint64_t records = kSpareRecords + partial.st_size / kUsualRangeBytes;
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0,
              static_cast<off_t>(journal->end_ + records * kRecordBytes));
  }
  return journal;
}

Journal::~Journal() { close(fd_); }

// Sets end_ to the end of the good part; 0 when the journal must begin anew.
absl::Status Journal::Load(int threads, const std::atomic<bool>* cancelled) {
  struct stat info;
  if (fstat(fd_, &info) != 0) return PosixError(errno, "examine", path_);
  if (!S_ISREG(info.st_mode) || !IsJournal(ReadAll(fd_, kMagic.size()))) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", path_,
                     "' is not a journal of an interrupted run; move it away, or "
                     "choose another name for the output"));
  }
  const uint64_t size = static_cast<uint64_t>(info.st_size);
  if (size == 0) return absl::OkStatus();
  if (!file_->is_resumed()) {
    note_ = absl::StrCat("'", path_, "' has no file of the same size beside it, starting again");
    return absl::OkStatus();
  }
  const std::string bytes = ReadAll(fd_, std::min(size, kMaxJournalBytes));
  const absl::string_view header = absl::string_view(bytes).substr(0, kHeaderBytes);
  if (header.size() < kHeaderBytes ||
      header.substr(0, kPrefixBytes) != absl::string_view(Header("")).substr(0, kPrefixBytes)) {
    note_ = absl::StrCat("'", path_, "' is damaged or of another version, starting again");
    return absl::OkStatus();
  }
  for (size_t part = 0; part < 3; ++part) {
    const size_t at = part * kIdentityPartBytes;
    if (header.substr(kPrefixBytes + at, kIdentityPartBytes) !=
        absl::string_view(identity_).substr(at, kIdentityPartBytes)) {
      note_ = absl::StrCat("'", path_, "' is of ", kPartNames[part], ", starting again");
      return absl::OkStatus();
    }
  }
  std::vector<Range> ranges = ParseRecords(Bytes(bytes).subspan(kHeaderBytes));
  end_ = kHeaderBytes + ranges.size() * kRecordBytes;
  return Check(std::move(ranges), threads, cancelled);
}

std::vector<Journal::Range> Journal::ParseRecords(absl::Span<const uint8_t> bytes) const {
  std::vector<Range> ranges;
  while (bytes.size() >= kRecordBytes) {
    Range range;
    uint64_t numbers[3];
    for (int i = 0; i < 3; ++i) {
      numbers[i] = 0;
      for (int b = 7; b >= 0; --b) numbers[i] = numbers[i] << 8 | bytes[8 * i + b];
    }
    range.offset = numbers[0];
    range.size = numbers[1];
    range.note = numbers[2];
    std::copy_n(bytes.data() + kNumberBytes, kDigestBytes, range.digest.begin());
    const std::string record = Record(range);
    if (std::memcmp(record.data(), bytes.data(), kRecordBytes) != 0) break;
    ranges.push_back(range);
    bytes.remove_prefix(kRecordBytes);
  }
  return ranges;
}

std::string Journal::Record(const Range& range) const {
  std::string record;
  AppendU64(range.offset, &record);
  AppendU64(range.size, &record);
  AppendU64(range.note, &record);
  record.append(range.digest.begin(), range.digest.end());
  return absl::StrCat(record, Digest(identity_, record, kCheckBytes));
}

absl::Status Journal::Check(std::vector<Range> ranges, int threads,
                            const std::atomic<bool>* cancelled) {
  GGUF_ASSIGN_OR_RETURN(const std::unique_ptr<RandomAccessFile> partial,
                        OpenFile(file_->partial_path()));
  std::vector<uint8_t> is_right(ranges.size(), 0);
  std::vector<std::vector<uint8_t>> buffers(threads);
  GGUF_RETURN_IF_ERROR(
      ParallelFor(ranges.size(), threads, [&](uint64_t i, int thread) -> absl::Status {
        if (cancelled != nullptr && cancelled->load()) return absl::CancelledError("interrupted");
        const Range& range = ranges[i];
        if (range.size > kMaxJournalRange || range.offset > partial->size() ||
            range.size > partial->size() - range.offset) {
          return absl::OkStatus();
        }
        std::vector<uint8_t>& buffer = buffers[thread];
        buffer.resize(kReadBytes);
        Sha256 hash;
        for (uint64_t at = 0; at < range.size; at += kReadBytes) {
          const absl::Span<uint8_t> part(buffer.data(), std::min(kReadBytes, range.size - at));
          GGUF_RETURN_IF_ERROR(partial->Read(range.offset + at, part));
          hash.Update(part);
        }
        is_right[i] = RangeDigest(&hash) == range.digest;
        return absl::OkStatus();
      }));
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (is_right[i]) {
      found_[ranges[i].offset] = {ranges[i].size, ranges[i].note};
    } else {
      found_.erase(ranges[i].offset);
    }
  }
  for (const auto& [offset, found] : found_) resumed_bytes_ += found.size;
  note_ = absl::StrCat("'", file_->path(), "': ", FormatSize(resumed_bytes_), " (",
                       Percent(resumed_bytes_, partial->size()),
                       ") are there from an interrupted run and are kept");
  return absl::OkStatus();
}

absl::Status Journal::Begin() {
  // Until the header is complete, nothing of the old records may count.
  if (ftruncate(fd_, 0) != 0) return PosixError(errno, "truncate", path_);
  GGUF_RETURN_IF_ERROR(WriteAll(fd_, path_, 0, Header(identity_)));
  end_ = kHeaderBytes;
  return SyncFolderOf(path_);
}

absl::optional<uint64_t> Journal::Find(uint64_t offset, uint64_t size) const {
  const auto found = found_.find(offset);
  if (found == found_.end() || found->second.size != size) return absl::nullopt;
  return found->second.note;
}

void Journal::Written(uint64_t offset, absl::Span<const uint8_t> bytes, uint64_t note) {
  Sha256 hash;
  hash.Update(bytes);
  const Range range = {offset, bytes.size(), note, RangeDigest(&hash)};
  absl::MutexLock lock(&mutex_);
  pending_.push_back(range);
}

absl::Status Journal::Save() {
  std::vector<Range> ranges;
  {
    absl::MutexLock lock(&mutex_);
    ranges.swap(pending_);
  }
  if (ranges.empty() || !is_writable_) return absl::OkStatus();
  GGUF_RETURN_IF_ERROR(file_->Sync());
  std::string records;
  for (const Range& range : ranges) absl::StrAppend(&records, Record(range));
  is_writable_ = WriteAll(fd_, path_, end_, records).ok() && fdatasync(fd_) == 0;
  if (is_writable_) end_ += records.size();
  return absl::OkStatus();
}

void Journal::Remove() { unlink(path_.c_str()); }

absl::Status Journals::SaveNowAndThen() {
  if (journals_.empty() || !saving_.TryLock()) return absl::OkStatus();
  const absl::Time now = absl::Now();
  absl::Status status;
  if (next_ == absl::InfinitePast()) next_ = now + kSavePause;
  if (now >= next_) {
    for (const auto& journal : journals_) status.Update(journal->Save());
    const absl::Time done = absl::Now();
    next_ = done + std::max(kSavePause, (done - now) * kPausePerSave);
  }
  saving_.Unlock();
  return status;
}

absl::Status Journals::Save() {
  absl::MutexLock lock(&saving_);
  absl::Status status;
  for (const auto& journal : journals_) status.Update(journal->Save());
  return status;
}

void Journals::Remove() {
  for (const auto& journal : journals_) journal->Remove();
}

}  // namespace gguf
