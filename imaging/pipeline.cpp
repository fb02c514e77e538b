// SPDX-License-Identifier: Apache-2.0
#include "imaging/pipeline.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <utility>

#include "imaging/stream_feed.hpp"
#include "imaging/transfers.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::size_t write_size = 1024 * 1024;  // bytes of one request
constexpr std::size_t most_slots = 32;
constexpr std::size_t fewest_slots = 3;            // one read, one computed, one written
constexpr std::chrono::milliseconds patience{50};  // between two looks at the stop token

std::size_t slots_of(const Route& route, const Options& options) {
  const std::size_t each = route.piece_size + route.packed_size;
  return std::clamp<std::size_t>(
      (options.memory - std::min(options.memory, route.stream_memory)) / each, fewest_slots,
      most_slots);
}

enum class Stage { filled, worked, absorbed };

class Pipeline {
 public:
  Pipeline(Job& job, const Route& route, const Options& options, SlotMemory& memory)
      : job_{job},
        route_{route},
        options_{options},
        transfers_{route, options},
        feed_{route},
        slot_count_{memory.slots().size()} {
    for (auto& slot : memory.slots()) free_.push_back(&slot);
  }

  Result<void> open() {
    std::vector<std::span<std::byte>> buffers;
    for (const auto* slot : free_) buffers.push_back(slot->raw);
    TRY(transfers_.open(buffers));
    start_lanes();
    return ok();
  }

  Result<void> run() {
    for (;;) {
      if (options_.stop.stop_requested()) fail(0, Error{Errc::unavailable, "interrupted"});
      collect();
      submit_writes();  // first: a read of what is cached is copied here and now
      issue();
      report();
      if (is_over()) break;
      std::vector<Transfers::Outcome> outcomes;
      auto waited = transfers_.wait(outcomes, patience);
      for (auto& outcome : outcomes) complete(outcome);
      if (!waited) fail(0, std::move(waited).error());
    }
    if (error_) return *error_;
    return ok();
  }

 private:
  void start_lanes() {
    const auto priority = options_.priority;
    workers_.emplace(workers_of(options_), priority, [this](Slot& slot, unsigned worker) {
      guard(slot, [&] { return job_.work(slot, worker); });
      post(slot, Stage::worked);
    });
    if (job_.is_ordered())
      sequel_.emplace(1, priority, [this](Slot& slot, unsigned) {
        guard(slot, [&] { return slot.is_last ? job_.absorb_end() : job_.absorb(slot); });
        post(slot, Stage::absorbed);
      });
    if (route_.stream != nullptr)
      feeder_.emplace(1, priority, [this](Slot& slot, unsigned) {
        guard(slot, [&] { return feed_.fill(slot); });
        post(slot, Stage::filled);
      });
  }

  // What comes behind the foremost error is not worth doing.
  template <class F>
  void guard(Slot& slot, F run) {
    if (slot.number > failed_number_ || job_.is_stopped) return;
    if (auto done = run(); !done) slot.error = std::move(done).error();
  }

  void post(Slot& slot, Stage stage) {
    {
      const std::lock_guard lock{mail_mutex_};
      mail_.emplace_back(&slot, stage);
    }
    transfers_.wake();
  }

  void collect() {
    std::vector<std::pair<Slot*, Stage>> mail;
    {
      const std::lock_guard lock{mail_mutex_};
      mail.swap(mail_);
    }
    for (const auto& [slot, stage] : mail) {
      if (slot->error) fail(slot->number, std::move(*std::exchange(slot->error, {})));
      switch (stage) {
        case Stage::filled: filled(*slot); break;
        case Stage::worked: worked(*slot); break;
        case Stage::absorbed:
          if (slot->is_last) is_absorbed_ = true;
          release(*slot);
          break;
      }
    }
  }

  void filled(Slot& slot) {
    if (slot.is_last || is_dropped(slot)) {
      if (slot.is_last) is_issued_ = true;
      --feeding_;
      recycle(slot);
      return;
    }
    --feeding_;
    issued_to_ = slot.piece.disk_offset + slot.piece.disk_size;
    pending_ += slot.piece.disk_size;
    pieces_ = slot.number + 1;
    workers_->add(slot);
  }

  void worked(Slot& slot) {
    if (is_dropped(slot)) return drop(slot);
    if (!job_.is_ordered()) return place(slot);
    in_order_.emplace(slot.number, &slot);
    while (!in_order_.empty() && in_order_.begin()->first == next_placed_) {
      auto& next = *in_order_.begin()->second;
      in_order_.erase(in_order_.begin());
      ++next_placed_;
      place(next);
    }
  }

  void place(Slot& slot) {
    slot.holders = 1;  // until everything is handed out
    if (!is_dropped(slot)) {
      if (auto placed = job_.place(slot); !placed) fail(slot.number, std::move(placed).error());
    }
    if (!is_dropped(slot)) {
      if (sequel_) {
        ++slot.holders;
        sequel_->add(slot);
      }
      if (route_.target != nullptr)
        for (auto run : slot.runs) plan_writes(slot, run);
    }
    release(slot);
  }

  void plan_writes(Slot& slot, Run run) {
    while (!run.bytes.empty()) {
      const auto size = std::min(write_size, run.bytes.size());
      ++slot.holders;
      writes_.push_back({&slot, true, {run.bytes.first(size), run.offset}});
      run = {run.bytes.subspan(size), run.offset + size};
    }
  }

  void release(Slot& slot) {
    if (--slot.holders > 0) return;
    pending_ -= slot.piece.disk_size;
    recycle(slot);
  }

  void drop(Slot& slot) {
    slot.holders = 1;
    release(slot);
  }

  void recycle(Slot& slot) {
    slot.runs.clear();
    slot.piece = {};
    slot.packed_size = 0;
    slot.is_last = false;
    free_.push_back(&slot);
  }

  // Takes up new pieces while there is room for them.
  void issue() {
    while (!is_issued_ && !error_ && !free_.empty() && (feeder_ || transfers_.has_room_for(1))) {
      auto& slot = *free_.back();
      if (feeder_) {
        free_.pop_back();
        ++feeding_;
        feeder_->add(slot);
        continue;
      }
      auto piece = job_.next();
      if (!piece) return fail(pieces_, std::move(piece).error());
      if (!*piece) {
        is_issued_ = true;
        issued_to_ = route_.disk_size;
        break;
      }
      free_.pop_back();
      start(slot, **piece);
    }
    end_sequel();
  }

  void start(Slot& slot, const Piece& piece) {
    slot.piece = piece;
    slot.number = pieces_++;
    slot.holders = 0;
    pending_ += piece.disk_size;
    issued_to_ = piece.disk_offset + piece.disk_size;
    if (piece.file_size == 0) return workers_->add(slot);
    slot.packed_size = piece.is_packed ? piece.file_size : 0;
    const auto into = (piece.is_packed ? slot.packed : slot.raw).first(piece.file_size);
    transfers_.submit({&slot, false, {into, piece.file_offset}});
  }

  // Everything went through absorb(): its end may be looked at.
  void end_sequel() {
    if (!sequel_ || is_ending_ || error_ || !is_issued_ || free_.size() != slot_count_) return;
    is_ending_ = true;
    auto& slot = *free_.back();
    free_.pop_back();
    slot.number = pieces_;
    slot.is_last = true;
    slot.holders = 1;
    sequel_->add(slot);
  }

  void submit_writes() {
    while (!writes_.empty()) {
      auto& write = writes_.front();
      if (is_dropped(*write.slot)) {
        release(*write.slot);
      } else {
        if (!transfers_.has_room_for(write.run.bytes.size())) return;
        transfers_.submit(write);
      }
      writes_.pop_front();
    }
  }

  void complete(Transfers::Outcome& outcome) {
    auto& slot = *outcome.slot;
    if (outcome.error) fail(slot.number, std::move(*outcome.error));
    if (outcome.is_write) return release(slot);
    if (!is_dropped(slot)) return workers_->add(slot);
    drop(slot);
  }

  void fail(std::uint64_t number, Error error) {
    if (error_ && number >= failed_number_) return;
    error_ = std::move(error);
    failed_number_ = number;
    transfers_.give_up_from(number);
    if (number == 0) job_.is_stopped = true;
    while (!in_order_.empty() && in_order_.rbegin()->first >= number) {
      auto& slot = *in_order_.rbegin()->second;
      in_order_.erase(std::prev(in_order_.end()));
      drop(slot);
    }
  }

  bool is_dropped(const Slot& slot) const { return error_ && slot.number >= failed_number_; }

  bool is_over() const {
    if (free_.size() != slot_count_ || !transfers_.is_empty()) return false;
    return error_ || (is_issued_ && (!sequel_ || is_absorbed_));
  }

  void report() {
    if (!options_.on_progress) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_report_) return;
    next_report_ = now + std::chrono::milliseconds{100};
    const auto done = std::min(issued_to_ - pending_, job_.absorbed());
    options_.on_progress({std::min(done, route_.disk_size), route_.disk_size});
  }

  Job& job_;
  const Route& route_;
  const Options& options_;
  Transfers transfers_;
  StreamFeed feed_;  // on the feeder's thread alone

  std::vector<Slot*> free_{};
  const std::size_t slot_count_;
  std::map<std::uint64_t, Slot*> in_order_{};
  std::uint64_t next_placed_ = 0;
  std::deque<Transfers::Request> writes_{};
  std::uint64_t pieces_ = 0;
  std::uint64_t issued_to_ = 0;  // every earlier byte of the disk is a piece or a hole
  std::uint64_t pending_ = 0;    // bytes of pieces that are not finished
  std::size_t feeding_ = 0;      // slots that the stream has
  bool is_issued_ = false;
  bool is_ending_ = false;
  bool is_absorbed_ = false;
  std::optional<Error> error_{};
  std::atomic<std::uint64_t> failed_number_ = UINT64_MAX;
  std::chrono::steady_clock::time_point next_report_{};

  std::mutex mail_mutex_{};
  std::vector<std::pair<Slot*, Stage>> mail_{};
  // Last, so that their threads end first.
  std::optional<Lane> workers_{};
  std::optional<Lane> sequel_{};
  std::optional<Lane> feeder_{};
};

}  // namespace

Result<void> run(Job& job, const Route& route, const Options& options) {
  auto memory =
      TRY(SlotMemory::create(slots_of(route, options), route.piece_size, route.packed_size));
  Pipeline pipeline{job, route, options, memory};
  TRY(pipeline.open());
  return pipeline.run();
}

}  // namespace holdfast::imaging
