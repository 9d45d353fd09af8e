#include "gguf/io/zstd_random_access.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/zstd_frames.h"

namespace gguf {
namespace {

constexpr uint64_t kInputBytes = uint64_t{256} << 10;
constexpr uint64_t kStepBytes = uint64_t{256} << 10;  // decompressed at a time
// Frames nearer to each other than this in the file are not remembered one by one.
constexpr uint64_t kFrameDistance = uint64_t{1} << 20;
// A decoder this close before a position goes there without asking whether another should.
constexpr uint64_t kNearBytes = uint64_t{16} << 20;

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

// Decompresses from one place forward and keeps the last kHistoryBytes in a ring.
class ZstdCursor {
 public:
  explicit ZstdCursor(const RandomAccessFile* file)
      : file_(file),
        context_(ZSTD_createDCtx()),
        input_(new uint8_t[kInputBytes]),
        ring_(new uint8_t[ZstdRandomAccess::kHistoryBytes]) {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, ZstdRandomAccess::kMaxWindowLog);
  }

  // The next byte decompressed will be `position` of the stream, from a frame at `file_position`.
  void Restart(uint64_t position, uint64_t file_position) {
    ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
    begin_ = end_ = position;
    file_position_ = file_position;
    input_used_ = input_filled_ = 0;
    in_frame_ = is_at_end_ = false;
  }

  // True once nothing is left to decompress.
  bool is_at_end() const { return is_at_end_; }
  uint64_t begin() const { return begin_; }  // of the bytes kept
  uint64_t end() const { return end_; }
  uint64_t decoded_bytes() const { return decoded_bytes_; }

  // `offset` >= begin(). Calls on_frame(position, file position) where frames begin.
  template <typename OnFrame>
  absl::StatusOr<size_t> Read(uint64_t offset, absl::Span<uint8_t> out, const OnFrame& on_frame) {
    size_t done = 0;
    while (done < out.size()) {
      const uint64_t position = offset + done;
      if (position < end_) {
        done += CopyKept(position, out.subspan(done));
        continue;
      }
      GGUF_ASSIGN_OR_RETURN(const bool has_more, Step(on_frame));
      if (!has_more) {
        is_at_end_ = true;
        break;
      }
    }
    return done;
  }

 private:
  size_t CopyKept(uint64_t position, absl::Span<uint8_t> out) const {
    const uint64_t place = position % ZstdRandomAccess::kHistoryBytes;
    const uint64_t count =
        std::min({uint64_t{out.size()}, end_ - position, ZstdRandomAccess::kHistoryBytes - place});
    std::memcpy(out.data(), ring_.get() + place, count);
    return count;
  }

  // Decompresses a little; false at the end of the file.
  template <typename OnFrame>
  absl::StatusOr<bool> Step(const OnFrame& on_frame) {
    if (input_used_ == input_filled_) {
      input_used_ = 0;
      input_filled_ = std::min(kInputBytes, file_->size() - file_position_);
      GGUF_RETURN_IF_ERROR(
          file_->Read(file_position_, absl::MakeSpan(input_.get(), input_filled_)));
      file_position_ += input_filled_;
    }
    if (input_filled_ == 0 && !in_frame_) return false;
    if (!in_frame_) on_frame(end_, file_position_ - (input_filled_ - input_used_));

    ZSTD_inBuffer input = {input_.get(), input_filled_, input_used_};
    const uint64_t place = end_ % ZstdRandomAccess::kHistoryBytes;
    ZSTD_outBuffer output = {ring_.get() + place,
                             std::min(kStepBytes, ZstdRandomAccess::kHistoryBytes - place), 0};
    const size_t left = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(left)) return Refuse(left);
    if (input_filled_ == 0 && output.pos == 0) {
      return absl::DataLossError(absl::StrCat(file_->name(), ": ends at byte ", file_->size(),
                                              " in the middle of its compressed data; download "
                                              "or pack it again."));
    }
    input_used_ = input.pos;
    in_frame_ = left != 0;
    end_ += output.pos;
    decoded_bytes_ += output.pos;
    if (end_ - begin_ > ZstdRandomAccess::kHistoryBytes)
      begin_ = end_ - ZstdRandomAccess::kHistoryBytes;
    GGUF_RETURN_IF_ERROR(CheckZstdRatio(file_->name(), file_position_, end_));
    return true;
  }

  absl::Status Refuse(size_t error) const {
    if (ZSTD_getErrorCode(error) == ZSTD_error_frameParameter_windowTooLarge) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_->name(), ": was compressed with a window of more than ",
                       1 << (ZstdRandomAccess::kMaxWindowLog - 20),
                       " MiB; compress it again with zstd --long=27 or without --long."));
    }
    if (ZSTD_getErrorCode(error) == ZSTD_error_memory_allocation) {
      return absl::ResourceExhaustedError(
          absl::StrCat(file_->name(), ": there is not enough memory to decompress it."));
    }
    return absl::DataLossError(absl::StrCat(file_->name(), ": cannot be decompressed near byte ",
                                            file_position_, " (", ZSTD_getErrorName(error),
                                            "); it is damaged, download or pack it again."));
  }

  const RandomAccessFile* file_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
  std::unique_ptr<uint8_t[]> input_;
  std::unique_ptr<uint8_t[]> ring_;  // byte p of the stream at p % kHistoryBytes
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
  uint64_t file_position_ = 0;  // behind what is in input_
  uint64_t input_used_ = 0;
  uint64_t input_filled_ = 0;
  uint64_t decoded_bytes_ = 0;
  bool in_frame_ = false;
  bool is_at_end_ = false;
};

ZstdRandomAccess::ZstdRandomAccess(std::unique_ptr<RandomAccessFile> file)
    : file_(std::move(file)) {
  frames_[0] = 0;
}

ZstdRandomAccess::~ZstdRandomAccess() = default;

bool ZstdRandomAccess::JumpTo(uint64_t from, uint64_t offset, ZstdCursor* decoder) {
  const auto frame = std::prev(frames_.upper_bound(offset));  // there is one at 0
  if (frame->first <= from) return false;
  decoder->Restart(frame->first, frame->second);
  return true;
}

// Puts the decoder to use last. One that has the position, or comes to it soon; else the one that
// was not used for longest and needs not go back; else one that is at the end, where no other use
// is left for it; else a new one; else any goes back.
ZstdCursor* ZstdRandomAccess::Choose(uint64_t offset) {
  const auto has = [offset](const std::unique_ptr<ZstdCursor>& decoder) {
    return decoder->begin() <= offset && offset <= decoder->end() + kNearBytes;
  };
  const auto is_before = [offset](const std::unique_ptr<ZstdCursor>& decoder) {
    return decoder->end() <= offset;
  };
  auto chosen = std::find_if(decoders_.begin(), decoders_.end(), has);
  if (chosen == decoders_.end()) {
    chosen = std::find_if(decoders_.begin(), decoders_.end(), is_before);
    if (chosen != decoders_.end()) JumpTo((*chosen)->end() + kNearBytes, offset, chosen->get());
  }
  if (chosen == decoders_.end()) {
    num_restarts_ += decoders_.empty() ? 0 : 1;
    chosen = std::find_if(decoders_.begin(), decoders_.end(),
                          [](const auto& decoder) { return decoder->is_at_end(); });
    if (chosen == decoders_.end()) {
      if (decoders_.size() < kMaxDecoders) {
        decoders_.insert(decoders_.begin(), std::make_unique<ZstdCursor>(file_.get()));
      }
      chosen = decoders_.begin();
    }
    const auto frame = std::prev(frames_.upper_bound(offset));
    (*chosen)->Restart(frame->first, frame->second);
  }
  std::rotate(chosen, chosen + 1, decoders_.end());
  return decoders_.back().get();
}

absl::StatusOr<size_t> ZstdRandomAccess::Read(uint64_t offset, absl::Span<uint8_t> out) {
  absl::MutexLock lock(&mutex_);
  ZstdCursor* decoder = Choose(offset);
  absl::StatusOr<size_t> count =
      decoder->Read(offset, out, [this](uint64_t position, uint64_t file_position) {
        const auto before = std::prev(frames_.upper_bound(position));
        if (before->first == position || file_position < before->second + kFrameDistance) return;
        frames_.emplace(position, file_position);
      });
  // A decoder that failed has no state to go on from.
  if (!count.ok()) decoders_.pop_back();
  return count;
}

uint64_t ZstdRandomAccess::num_restarts() const {
  absl::MutexLock lock(&mutex_);
  return num_restarts_;
}

uint64_t ZstdRandomAccess::decoded_bytes() const {
  absl::MutexLock lock(&mutex_);
  uint64_t sum = 0;
  for (const auto& decoder : decoders_) sum += decoder->decoded_bytes();
  return sum;
}

}  // namespace gguf
