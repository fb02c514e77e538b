// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "imaging/io_queue.hpp"
#include "imaging/pack.hpp"
#include "tests/imaging/image_fixture.hpp"

namespace holdfast::imaging {

inline constexpr std::uint64_t small_frame = 256 * 1024;  // many frames in a small disk

// Data, a hole, text that compresses, a lone byte and an odd tail: 12 MiB and a bit.
inline std::string packed_content() {
  std::string content = random_bytes(3 << 20, 7);
  content.resize(8 << 20, '\0');
  for (int i = 0; content.size() < 11 << 20; ++i) content += "line " + std::to_string(i) + "\n";
  content.resize(12 << 20, '\0');
  content[(11 << 20) + 700'000] = 'x';
  return content + "tail";
}

// A disk that was packed, and the image it is now.
struct PackedDisk {
  ScratchFolder folder{};
  std::string content = packed_content();
  Packed packed{};
  Source source{};

  explicit PackedDisk(std::uint64_t frame_size = small_frame) {
    write_file(folder / "raw", content);
    PackSettings settings;
    settings.level = 3;
    settings.frame_size = frame_size;
    auto result = pack(folder / "raw", folder / "image", settings, {});
    INFO((result ? "" : result.error().message()));
    REQUIRE(result);
    packed = *result;
    source = {folder / "image", Format::raw_zst, content.size(), "", packed.tree};
  }

  std::string target() const { return folder / "disk"; }
  void check_nothing_left() const {
    CHECK_FALSE(exists(target()));
    CHECK_FALSE(exists(target() + ".partial"));
  }
  void flip_byte(std::size_t offset) const {
    auto bytes = read_file(source.path);
    bytes.at(offset) = static_cast<char>(bytes[offset] ^ 0x10);
    write_file(source.path, bytes);
  }
};

// A queue whose results a test may change on their way.
class TwistedQueue final : public IoQueue {
 public:
  using Twist = std::function<void(const IoRequest& request, IoRequest& asked, int& failure)>;
  // `twist` may shorten what is asked for, or name an errno to be answered instead.
  TwistedQueue(std::unique_ptr<IoQueue> real, Twist twist)
      : real_{std::move(real)}, twist_{std::move(twist)} {}
  void submit(const IoRequest& request) override {
    IoRequest asked = request;
    int failure = 0;
    twist_(request, asked, failure);
    if (failure == 0) return real_->submit(asked);
    failed_.push_back({request.tag, -failure});
    real_->wake();
  }
  Result<void> wait(std::vector<IoResult>& finished, std::chrono::milliseconds patience) override {
    auto waited = real_->wait(finished, patience);
    finished.insert(finished.end(), failed_.begin(), failed_.end());
    failed_.clear();
    return waited;
  }
  void wake() override { real_->wake(); }

 private:
  std::unique_ptr<IoQueue> real_;
  Twist twist_;
  std::vector<IoResult> failed_{};
};

inline Options twisted(TwistedQueue::Twist twist) {
  Options options;
  options.decorate_io = [twist = std::move(twist)](std::unique_ptr<IoQueue> real) {
    return std::make_unique<TwistedQueue>(std::move(real), twist);
  };
  return options;
}

}  // namespace holdfast::imaging
