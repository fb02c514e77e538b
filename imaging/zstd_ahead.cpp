// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <zstd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/handle.hpp"
#include "imaging/io_queue.hpp"
#include "imaging/posix.hpp"
#include "imaging/zstd.hpp"
#include "imaging/zstd_frame_stream.hpp"
#include "imaging/zstd_frames.hpp"

namespace holdfast::imaging {
namespace {

// Room for a frame and, behind it, for its content. Kept for other frames: fresh pages cost as
// much as decompressing into them.
struct Buffer {
  std::unique_ptr<std::byte[]> bytes{};
  std::size_t capacity = 0;
};

// With what a frame costs that holds nothing, of which a file may have very many.
std::uint64_t room_for(const ZstdFrame& frame) {
  return frame.file_size + frame.content_size + 4096;
}

// A frame that is decompressed as a whole. Belongs to a worker until it is ready.
struct FrameAhead {
  ZstdFrame frame{};
  Buffer buffer{};
  std::size_t size = 0;  // bytes of content, once it is ready
  bool is_ready = false;
  bool is_refused = false;  // zstd did not take it, or it could not be read

  std::span<std::byte> packed() const { return {buffer.bytes.get(), frame.file_size}; }
  std::span<std::byte> content() const {
    return {buffer.bytes.get() + frame.file_size, frame.content_size};
  }
};

class FramesAhead final : public ByteStream {
 public:
  FramesAhead(int file, std::string path, const ZstdReading& reading)
      : file_{file}, path_{std::move(path)}, reading_{reading} {}
  ~FramesAhead() override {
    {
      const std::lock_guard lock{mutex_};
      is_over_ = true;
      waiting_.clear();
    }
    asked_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  FramesAhead(const FramesAhead&) = delete;
  FramesAhead& operator=(const FramesAhead&) = delete;

  Result<std::size_t> read(std::span<std::byte> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const auto rest = into.subspan(done);
      if (stream_) {
        const auto got = TRY(stream_->read(rest));
        done += got;
        if (got < rest.size()) end_stream();
        continue;
      }
      TRY(look_ahead());
      if (!frames_.empty())
        done += take(rest);
      else if (is_at_end())
        break;
      else
        begin_stream(scanned_to_);
    }
    return done;
  }

 private:
  // An empty file is left to the stream, which says what is wrong with it.
  bool is_at_end() const { return scanned_to_ > 0 && scanned_to_ == file_size_; }

  void begin_stream(std::uint64_t offset) { stream_.emplace(file_, path_, offset); }

  void end_stream() {
    scanned_to_ = stream_->end();
    stream_.reset();
    is_stream_next_ = false;
  }

  // Hands as many of the next frames to the workers as there is memory for.
  Result<void> look_ahead() {
    while (!is_stream_next_ && scanned_to_ < TRY(file_size())) {
      if (!next_) TRY(measure_next());
      if (!next_) return ok();
      if (!frames_.empty() && in_use_ + room_for(*next_) > reading_.memory) return ok();
      if (!next_->is_skippable) start(*next_);
      scanned_to_ = next_->file_offset + next_->file_size;
      next_.reset();
    }
    return ok();
  }

  Result<std::uint64_t> file_size() {
    if (!file_size_) file_size_ = static_cast<std::uint64_t>(TRY(stat_of(file_, path_)).st_size);
    return *file_size_;
  }

  Result<void> measure_next() {
    next_ = TRY(measure_zstd_frame(
        [this](std::uint64_t offset, std::span<std::byte> into) -> Result<std::size_t> {
          if (reading_.stop.stop_requested()) return Error{Errc::unavailable, "interrupted"};
          return read_at(file_, offset, into, path_);
        },
        scanned_to_, *file_size_, reading_.memory / 2));
    is_stream_next_ = !next_;
    return ok();
  }

  void start(const ZstdFrame& frame) {
    auto ahead = std::make_shared<FrameAhead>();
    ahead->frame = frame;
    ahead->buffer = buffer_for(room_for(frame));
    in_use_ += ahead->buffer.capacity;
    frames_.push_back(ahead);
    {
      const std::lock_guard lock{mutex_};
      waiting_.push_back(std::move(ahead));
    }
    asked_.notify_one();
    while (threads_.size() < std::min<std::size_t>(reading_.threads, frames_.size()))
      threads_.emplace_back([this] { serve(); });
  }

  Buffer buffer_for(std::size_t size) {
    const auto fits = std::find_if(free_.begin(), free_.end(),
                                   [size](const Buffer& b) { return b.capacity >= size; });
    Buffer buffer;
    if (fits != free_.end()) {
      buffer = std::move(*fits);
      free_.erase(fits);
      return buffer;
    }
    free_.clear();  // too small: what follows is rather of this size
    buffer.bytes = std::make_unique_for_overwrite<std::byte[]>(size);
    buffer.capacity = size;
    return buffer;
  }

  // Bytes of the foremost frame; none when that has to be read as a stream.
  std::size_t take(std::span<std::byte> into) {
    auto& front = *frames_.front();
    {
      std::unique_lock lock{mutex_};
      ready_.wait(lock, [&front] { return front.is_ready; });
    }
    if (front.is_refused) {
      // Once more as a stream, which knows where the damage is.
      const auto offset = front.frame.file_offset;
      forget_frames();
      begin_stream(offset);
      return 0;
    }
    const auto size = std::min(into.size(), front.size - taken_);
    std::memcpy(into.data(), front.content().data() + taken_, size);
    taken_ += size;
    if (taken_ == front.size) {
      in_use_ -= front.buffer.capacity;
      free_.push_back(std::move(front.buffer));
      frames_.pop_front();
      taken_ = 0;
    }
    return size;
  }

  void forget_frames() {
    {
      const std::lock_guard lock{mutex_};
      waiting_.clear();
    }
    frames_.clear();  // a worker keeps the one that it has
    next_.reset();
    in_use_ = 0;
    taken_ = 0;
  }

  void serve() {
    if (reading_.priority == IoPriority::idle) become_idle();
    const Handle<ZSTD_DCtx, ZSTD_freeDCtx> context{ZSTD_createDCtx()};
    std::unique_lock lock{mutex_};
    for (;;) {
      asked_.wait(lock, [this] { return is_over_ || !waiting_.empty(); });
      if (is_over_) return;
      const auto ahead = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      const auto size = context ? decompress(context.get(), *ahead) : std::nullopt;
      lock.lock();
      ahead->size = size.value_or(0);
      ahead->is_refused = !size;
      ahead->is_ready = true;
      ready_.notify_one();
    }
  }

  // How many bytes it gave. Why it gave none, the stream finds out.
  std::optional<std::size_t> decompress(ZSTD_DCtx* context, const FrameAhead& ahead) const {
    const auto packed = ahead.packed();
    const auto got = read_at(file_, ahead.frame.file_offset, packed, path_);
    if (!got || *got < packed.size()) return std::nullopt;
    const auto content = ahead.content();
    const auto size =
        ZSTD_decompressDCtx(context, content.data(), content.size(), packed.data(), packed.size());
    return ZSTD_isError(size) != 0 ? std::nullopt : std::optional{size};
  }

  int file_;
  std::string path_;
  ZstdReading reading_;
  std::optional<std::uint64_t> file_size_{};

  // On the reader's thread alone.
  std::deque<std::shared_ptr<FrameAhead>> frames_{};  // under way and not yet read, in order
  std::size_t taken_ = 0;                             // bytes of the foremost
  std::optional<ZstdFrame> next_{};                   // what follows them, when there was no room
  std::uint64_t scanned_to_ = 0;                      // in the file
  std::uint64_t in_use_ = 0;                          // bytes, by frames_
  bool is_stream_next_ = false;                       // no frame at scanned_to_ to be read ahead
  std::optional<ZstdFrameStream> stream_{};           // the frame that is being read as a stream
  std::vector<Buffer> free_{};

  std::mutex mutex_{};
  std::condition_variable asked_{};
  std::condition_variable ready_{};
  std::deque<std::shared_ptr<FrameAhead>> waiting_{};
  bool is_over_ = false;
  std::vector<std::thread> threads_{};
};

}  // namespace

std::unique_ptr<ByteStream> read_zstd(int file, std::string path, const ZstdReading& reading) {
  return std::make_unique<FramesAhead>(file, std::move(path), reading);
}

}  // namespace holdfast::imaging
