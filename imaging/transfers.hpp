// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "imaging/io_queue.hpp"
#include "imaging/options.hpp"
#include "imaging/pace.hpp"
#include "imaging/pipeline.hpp"
#include "imaging/slot.hpp"

// Private to imaging/.
namespace holdfast::imaging {

// A pipeline's reads and writes that are under way. Keeps to the depth of the queue, to the bytes
// that a stop may have to wait for, and to the bandwidth; goes on where the kernel stopped short
// and repeats what it asks to have repeated. One thread but for wake().
class Transfers {
 public:
  struct Request {
    Slot* slot = nullptr;
    bool is_write = false;
    Run run{};  // what is left of it
  };
  // A request that nothing more will be done for.
  struct Outcome {
    Slot* slot = nullptr;
    bool is_write = false;
    std::optional<Error> error{};
  };

  // Both outlive it.
  Transfers(const Route& route, const Options& options)
      : route_{route}, options_{options}, pace_{options.max_bytes_per_second} {}

  // `buffers`: all memory that will be read to and written from. Errc::unavailable.
  Result<void> open(const std::vector<std::span<std::byte>>& buffers);

  bool has_room_for(std::uint64_t bytes) const;
  bool is_empty() const { return requests_.empty(); }
  void submit(const Request& request);
  // Adds what came to an end. Waits for something to, for wake(), for the bandwidth to allow more,
  // or for `patience`.
  Result<void> wait(std::vector<Outcome>& outcomes, std::chrono::milliseconds patience);
  // From any thread.
  void wake() { queue_->wake(); }
  // This piece's requests, and later pieces', are not gone on with.
  void give_up_from(std::uint64_t number) { given_up_from_ = number; }

 private:
  struct UnderWay {
    Request request{};
    int file = -1;
  };

  Result<std::unique_ptr<IoQueue>> open_queue(const IoSettings& settings) const;
  void complete(const IoResult& result, std::vector<Outcome>& outcomes);
  // Nothing when it was sent again.
  std::optional<Outcome> failed(const UnderWay& under_way, int error);
  bool is_given_up(const Slot& slot) const { return slot.number >= given_up_from_; }

  const Route& route_;
  const Options& options_;
  Pace pace_;
  std::unique_ptr<IoQueue> queue_{};
  std::map<std::uint64_t, UnderWay> requests_{};  // by tag
  std::uint64_t next_tag_ = 0;
  std::uint64_t in_flight_ = 0;  // bytes
  std::uint64_t given_up_from_ = UINT64_MAX;
};

}  // namespace holdfast::imaging
