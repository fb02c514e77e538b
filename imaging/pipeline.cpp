// SPDX-License-Identifier: Apache-2.0
#include "imaging/pipeline.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "imaging/io_queue.hpp"
#include "imaging/pace.hpp"
#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t max_in_flight = 8 * 1024 * 1024;  // bytes: what a stop has to wait for
constexpr std::size_t write_size = 1024 * 1024;           // bytes of one request
constexpr unsigned queue_depth = 64;
constexpr std::size_t most_slots = 32;
constexpr std::size_t fewest_slots = 3;            // one read, one computed, one written
constexpr std::chrono::milliseconds patience{50};  // between two looks at the stop token

unsigned workers_of(const Options& options) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  return options.threads != 0 ? std::min(options.threads, 64U) : std::min(cores, 8U);
}

std::size_t slots_of(const Route& route, const Options& options) {
  const std::size_t each = route.piece_size + route.packed_size;
  return std::clamp<std::size_t>(options.memory / each, fewest_slots, most_slots);
}

Result<std::unique_ptr<IoQueue>> open_queue(const IoSettings& settings, const Options& options) {
  std::unique_ptr<IoQueue> queue;
  if (options.io != IoKind::threads) {
    auto ring = open_io_uring(settings);
    if (ring)
      queue = std::move(ring).value();
    else if (options.io == IoKind::io_uring)
      return std::move(ring).error();
    else if (options.on_note)
      options.on_note("no io_uring here, using threads: " + ring.error().message());
  }
  if (!queue) queue = open_io_threads(settings);
  return options.decorate_io ? options.decorate_io(std::move(queue)) : std::move(queue);
}

enum class Stage { filled, worked, absorbed };

class Pipeline {
 public:
  Pipeline(Job& job, const Route& route, const Options& options, SlotMemory& memory)
      : job_{job}, route_{route}, options_{options}, pace_{options.max_bytes_per_second} {
    for (auto& slot : memory.slots()) free_.push_back(&slot);
    slot_count_ = free_.size();
  }

  Result<void> open() {
    IoSettings settings;
    settings.depth = queue_depth;
    for (const auto* slot : free_) settings.buffers.push_back(slot->raw);
    settings.files = route_.files;
    settings.priority = options_.priority;
    queue_ = TRY(open_queue(settings, options_));
    start_lanes();
    return ok();
  }

  Result<void> run() {
    for (;;) {
      if (options_.stop.stop_requested()) fail(0, Error{Errc::unavailable, "interrupted"});
      collect();
      issue();
      submit_writes();
      report();
      if (is_over()) break;
      std::vector<IoResult> finished;
      auto waited = queue_->wait(finished, std::min(patience, pace_.wait()));
      for (const auto& result : finished) complete(result);
      if (!waited) fail(0, std::move(waited).error());
    }
    if (error_) return *error_;
    return ok();
  }

 private:
  struct Request {
    Slot* slot = nullptr;
    bool is_write = false;
    Run run{};  // what is left of it
    int file = -1;
  };

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
        guard(slot, [&] { return feed(slot); });
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
    queue_->wake();
  }

  // The stream's next piece, on the feeder's thread.
  Result<void> feed(Slot& slot) {
    slot.number = fed_pieces_++;
    if (is_fed_) {
      slot.is_last = true;
      return ok();
    }
    const auto left = route_.disk_size - fed_;
    const auto wanted = std::min<std::uint64_t>(left, route_.piece_size);
    const auto got = TRY(route_.stream->read(slot.raw.first(wanted)));
    slot.piece = Piece{fed_, static_cast<std::uint32_t>(got), 0, 0, false};
    slot.is_last = got == 0;
    fed_ += got;
    is_fed_ = got < route_.piece_size;
    if (got < wanted)
      return Error{Errc::invalid, route_.source_path + ": expected " +
                                      std::to_string(route_.disk_size) + " bytes, found " +
                                      std::to_string(fed_)};
    if (fed_ == route_.disk_size) {
      is_fed_ = true;
      std::byte more{};
      if (TRY(route_.stream->read({&more, 1})) != 0)
        return Error{Errc::invalid, route_.source_path + ": expected " +
                                        std::to_string(route_.disk_size) + " bytes, found more"};
    }
    return ok();
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
    while (!is_issued_ && !error_ && !free_.empty() && (feeder_ || may_start(1))) {
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
    submit({&slot, false, {into, piece.file_offset}});
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

  bool may_start(std::uint64_t size) const {
    return pace_.allows() && requests_.size() < queue_depth &&
           (in_flight_ == 0 || in_flight_ + size <= max_in_flight);
  }

  void submit_writes() {
    while (!writes_.empty()) {
      auto& write = writes_.front();
      if (is_dropped(*write.slot)) {
        release(*write.slot);
      } else {
        if (!may_start(write.run.bytes.size())) return;
        submit(write);
      }
      writes_.pop_front();
    }
  }

  void submit(Request request) {
    const auto tag = next_tag_++;
    request.file = request.is_write ? route_.target->file_for(request.run) : route_.source;
    requests_.emplace(tag, request);
    in_flight_ += request.run.bytes.size();
    pace_.spend(request.run.bytes.size());
    queue_->submit({request.is_write, request.file, request.run.offset, request.run.bytes, tag});
  }

  void complete(const IoResult& result) {
    const auto found = requests_.find(result.tag);
    if (found == requests_.end()) return;
    auto request = found->second;
    requests_.erase(found);
    in_flight_ -= request.run.bytes.size();
    if (result.outcome < 0) return failed(request, -result.outcome);
    const auto done = static_cast<std::size_t>(result.outcome);
    if (done == 0)
      return failed(request, request.is_write ? EIO : 0);  // the end of the file, or no progress
    if (request.is_write) {
      if (auto kept = route_.target->written(request.run.offset, done); !kept)
        fail(request.slot->number, std::move(kept).error());
    }
    if (done < request.run.bytes.size() && !is_dropped(*request.slot)) {
      request.run = {request.run.bytes.subspan(done), request.run.offset + done};
      return submit(request);
    }
    finished(request);
  }

  void finished(const Request& request) {
    if (request.is_write) return release(*request.slot);
    if (!is_dropped(*request.slot)) return workers_->add(*request.slot);
    drop(*request.slot);
  }

  void failed(const Request& request, int error) {
    const auto& run = request.run;
    const bool again =
        error == EINTR || error == EAGAIN ||
        (error == EINVAL && request.is_write && route_.target->give_up_direct(request.file));
    if (again && !is_dropped(*request.slot)) return submit(request);
    const auto where = (request.is_write ? route_.target->path() : route_.source_path) +
                       " at offset " + std::to_string(run.offset);
    if (error == 0)
      fail(request.slot->number,
           Error{Errc::invalid, route_.source_path + ": damaged: ends at offset " +
                                    std::to_string(run.offset) + ", expected " +
                                    std::to_string(run.bytes.size()) + " bytes more"});
    else
      fail(request.slot->number,
           posix_error(error, (request.is_write ? "write " : "read ") + where));
    finished(request);
  }

  void fail(std::uint64_t number, Error error) {
    if (error_ && number >= failed_number_) return;
    error_ = std::move(error);
    failed_number_ = number;
    if (number == 0) job_.is_stopped = true;
    while (!in_order_.empty() && in_order_.rbegin()->first >= number) {
      auto& slot = *in_order_.rbegin()->second;
      in_order_.erase(std::prev(in_order_.end()));
      drop(slot);
    }
  }

  bool is_dropped(const Slot& slot) const { return error_ && slot.number >= failed_number_; }

  bool is_over() const {
    if (free_.size() != slot_count_ || !requests_.empty()) return false;
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
  Pace pace_;
  std::unique_ptr<IoQueue> queue_{};

  std::vector<Slot*> free_{};
  std::size_t slot_count_ = 0;
  std::map<std::uint64_t, Slot*> in_order_{};
  std::uint64_t next_placed_ = 0;
  std::deque<Request> writes_{};
  std::map<std::uint64_t, Request> requests_{};
  std::uint64_t next_tag_ = 0;
  std::uint64_t in_flight_ = 0;  // bytes
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

  // On the feeder's thread alone.
  std::uint64_t fed_ = 0;
  std::uint64_t fed_pieces_ = 0;
  bool is_fed_ = false;

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
