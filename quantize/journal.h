// What an interrupted run has finished of an output file, in `OUTPUT.journal` beside
// `OUTPUT.partial`, so that the next run can go on from there.
//
// The file, little-endian:
//   8 bytes  "GGUFJRNL"
//   u32      version, 1
//   u32      0
//   3 * 32   SHA-256 of the program, the source and the plan (JournalIdentity)
//   records of 48 bytes, one per finished byte range of the partial file:
//     u64      offset
//     u64      size, at most kMaxJournalRange
//     u64      note, for the writer of the range
//     16       first bytes of the range's SHA-256
//     8        first bytes of the SHA-256 of the identity and the 40 bytes before
// A record is appended after its bytes were synced. A torn one ends the file for its readers. Of
// two records for one range the later one counts.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_JOURNAL_H_
#define GGUF_TOOLCHAIN_QUANTIZE_JOURNAL_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "gguf/io/file.h"
#include "quantize/execute.h"

namespace gguf {

// Hexadecimal SHA-256 each. What was written may be continued only when all three are the same.
struct JournalIdentity {
  std::string program;  // that encodes: another version may give other bytes
  std::string source;   // the files read
  std::string plan;     // everything else the bytes depend on
};

inline constexpr uint64_t kMaxJournalRange = uint64_t{1} << 30;
inline constexpr uint64_t kMaxJournalBytes = uint64_t{512} << 20;

// "OUTPUT.journal".
std::string JournalPath(absl::string_view output);

// Removes the journal of an earlier run, if there is one. Another kind of file stays.
void RemoveJournal(absl::string_view output);

// The journal of one output file. The lock on the partial file guards the journal too.
class Journal : public RangeLog {
 public:
  // Reads what an earlier run left, keeps the records whose bytes in the partial file have the
  // checksum they had, and is ready for more. A journal of other work, a damaged one, and one
  // beside a partial file that is not resumed are begun anew. `file` must outlive the journal.
  // FailedPrecondition when a file of that name is no journal; Cancelled; errors of opening.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(OutputFile* file,
                                                       const JournalIdentity& identity, int threads,
                                                       const std::atomic<bool>* cancelled);
  ~Journal() override;

  // One sentence for the user on what was found; empty when there was nothing to continue.
  const std::string& note() const { return note_; }

  // Bytes known to be right when the journal was opened.
  uint64_t resumed_bytes() const { return resumed_bytes_; }

  absl::optional<uint64_t> Find(uint64_t offset, uint64_t size) const override;
  void Written(uint64_t offset, absl::Span<const uint8_t> bytes, uint64_t note) override;

  // Makes all ranges reported so far durable, and says so in the journal. Errors are those of
  // syncing the output. Where the journal itself cannot be written (a full disk), the work goes on
  // and only the next run has less to continue from. One caller at a time.
  absl::Status Save();

  // Removes the journal: the output is complete or given up.
  void Remove();

 private:
  struct Range {
    uint64_t offset, size, note;
    std::array<uint8_t, 16> digest;
  };
  struct Found {
    uint64_t size, note;
  };

  Journal(OutputFile* file, std::string path, int fd, std::string identity)
      : file_(file), path_(std::move(path)), fd_(fd), identity_(std::move(identity)) {}
  absl::Status Load(int threads, const std::atomic<bool>* cancelled);
  absl::Status Begin();
  // Ranges of the records in `bytes`, up to the first that is torn.
  std::vector<Range> ParseRecords(absl::Span<const uint8_t> bytes) const;
  std::string Record(const Range& range) const;
  absl::Status Check(std::vector<Range> ranges, int threads, const std::atomic<bool>* cancelled);

  OutputFile* const file_;
  const std::string path_;
  const int fd_;
  const std::string identity_;  // 96 bytes
  std::string note_;
  uint64_t resumed_bytes_ = 0;
  absl::btree_map<uint64_t, Found> found_;  // by offset
  uint64_t end_ = 0;                        // of the journal's good part
  bool is_writable_ = true;
  absl::Mutex mutex_;
  std::vector<Range> pending_ ABSL_GUARDED_BY(mutex_);
};

// The journals of one run, saved together from time to time.
class Journals {
 public:
  void Add(std::unique_ptr<Journal> journal) { journals_.push_back(std::move(journal)); }
  bool empty() const { return journals_.empty(); }

  // Saves when kSavePause has gone by, and twenty times as long as the last saving took: at most a
  // twentieth of a slow disk's time goes there. From many threads; those that come while one saves
  // go on working.
  absl::Status SaveNowAndThen();
  absl::Status Save();
  void Remove();

 private:
  std::vector<std::unique_ptr<Journal>> journals_;
  absl::Mutex saving_;
  absl::Time next_ ABSL_GUARDED_BY(saving_) = absl::InfinitePast();
};

inline constexpr absl::Duration kSavePause = absl::Milliseconds(250);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_JOURNAL_H_
