// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zstd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/handle.hpp"
#include "base/sha256.hpp"
#include "imaging/frame_tree.hpp"
#include "imaging/layout.hpp"
#include "imaging/pipeline.hpp"

// Private to imaging/.
namespace holdfast::imaging {

inline constexpr unsigned max_workers = 64;

// A decompressor for each worker, made when it is first needed.
class FrameDecoder {
 public:
  // The piece's frame into its content. Errc::invalid, with both offsets, unless it is exactly
  // that many bytes.
  Result<void> decode(Slot& slot, unsigned worker, const std::string& name);

 private:
  std::array<Handle<ZSTD_DCtx, ZSTD_freeDCtx>, max_workers> contexts_{};
};

// What the content must be; both are optional.
struct Promise {
  std::string name{};               // of the image, for messages
  std::uint64_t disk_size = 0;      // bytes
  const FrameTree* tree = nullptr;  // its frames are the pieces
  std::string sha256{};             // of the whole content
};

// Checks content as it passes, and leaves its data to be written: blocks of 64 KiB of zeros
// are not.
class ContentJob : public Job {
 public:
  ContentJob(const Promise& promise, Layout* layout) : promise_{promise}, layout_{layout} {
    if (!promise.sha256.empty()) hasher_.emplace();
  }
  // Frames of a stream that are on the target already.
  void pass_over(const std::vector<char>* present) { present_ = present; }

  Result<std::optional<Piece>> next() override { return layout_->next(); }
  Result<void> work(Slot& slot, unsigned worker) override;
  bool is_ordered() const override { return hasher_.has_value(); }
  Result<void> absorb(Slot& slot) override;
  Result<void> absorb_end() override;
  std::uint64_t absorbed() const override { return hasher_ ? absorbed_.load() : UINT64_MAX; }

  std::uint64_t data_bytes() const { return data_bytes_; }

 private:
  Result<void> absorb_zeros(std::uint64_t until);

  const Promise& promise_;
  Layout* layout_;
  const std::vector<char>* present_ = nullptr;
  FrameDecoder decoder_{};
  std::optional<Sha256Hasher> hasher_{};
  std::atomic<std::uint64_t> absorbed_ = 0;
  std::atomic<std::uint64_t> data_bytes_ = 0;
};

// Errc::invalid unless the frame is what the tree says.
Result<void> check_frame(const Promise& promise, const Slot& slot);

// Finds out which frames of a file are what the tree says; no difference is an error.
class PresenceJob final : public Job {
 public:
  PresenceJob(const FrameTree& tree, Layout& layout, std::uint64_t disk_size)
      : tree_{tree}, layout_{layout}, present_(frame_count(disk_size, tree.frame_size), 0) {}
  Result<std::optional<Piece>> next() override { return layout_.next(); }
  Result<void> work(Slot& slot, unsigned worker) override;

  const std::vector<char>& present() const { return present_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  const FrameTree& tree_;
  Layout& layout_;
  std::vector<char> present_;  // one byte a frame: each is written by one thread
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace holdfast::imaging
