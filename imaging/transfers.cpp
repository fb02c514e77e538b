// SPDX-License-Identifier: Apache-2.0
#include "imaging/transfers.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t max_in_flight = 8 * 1024 * 1024;  // bytes: what a stop has to wait for
constexpr unsigned queue_depth = 64;

}  // namespace

Result<std::unique_ptr<IoQueue>> Transfers::open_queue(const IoSettings& settings) const {
  std::unique_ptr<IoQueue> queue;
  if (options_.io != IoKind::threads) {
    auto ring = open_io_uring(settings);
    if (ring)
      queue = std::move(ring).value();
    else if (options_.io == IoKind::io_uring)
      return std::move(ring).error();
    else if (options_.on_note)
      options_.on_note("no io_uring here, using threads: " + ring.error().message());
  }
  if (!queue) queue = open_io_threads(settings);
  return options_.decorate_io ? options_.decorate_io(std::move(queue)) : std::move(queue);
}

Result<void> Transfers::open(const std::vector<std::span<std::byte>>& buffers) {
  IoSettings settings;
  settings.depth = queue_depth;
  settings.buffers = buffers;
  settings.files = route_.files;
  settings.priority = options_.priority;
  queue_ = TRY(open_queue(settings));
  return ok();
}

bool Transfers::has_room_for(std::uint64_t bytes) const {
  return pace_.allows() && requests_.size() < queue_depth &&
         (in_flight_ == 0 || in_flight_ + bytes <= max_in_flight);
}

void Transfers::submit(const Request& request) {
  const auto tag = next_tag_++;
  const auto& run = request.run;
  const int file = request.is_write ? route_.target->file_for(run) : route_.source;
  requests_.emplace(tag, UnderWay{request, file});
  in_flight_ += run.bytes.size();
  pace_.spend(run.bytes.size());
  queue_->submit({request.is_write, file, run.offset, run.bytes, tag});
}

Result<void> Transfers::wait(std::vector<Outcome>& outcomes, std::chrono::milliseconds patience) {
  std::vector<IoResult> finished;
  auto waited = queue_->wait(finished, std::min(patience, pace_.wait()));
  for (const auto& result : finished) complete(result, outcomes);
  return waited;
}

void Transfers::complete(const IoResult& result, std::vector<Outcome>& outcomes) {
  const auto found = requests_.find(result.tag);
  if (found == requests_.end()) return;
  const auto under_way = found->second;
  auto request = under_way.request;
  requests_.erase(found);
  in_flight_ -= request.run.bytes.size();
  if (result.outcome <= 0) {
    // Nothing read is the end of the file, nothing written is no progress.
    const int nothing = request.is_write ? EIO : 0;
    auto outcome = failed(under_way, result.outcome < 0 ? -result.outcome : nothing);
    if (outcome) outcomes.push_back(std::move(*outcome));
    return;
  }
  const auto done = static_cast<std::size_t>(result.outcome);
  Outcome outcome{request.slot, request.is_write};
  if (request.is_write) {
    if (auto kept = route_.target->written(request.run.offset, done); !kept)
      outcome.error = std::move(kept).error();
  }
  if (!outcome.error && done < request.run.bytes.size() && !is_given_up(*request.slot)) {
    request.run = {request.run.bytes.subspan(done), request.run.offset + done};
    return submit(request);
  }
  outcomes.push_back(std::move(outcome));
}

std::optional<Transfers::Outcome> Transfers::failed(const UnderWay& under_way, int error) {
  const auto& request = under_way.request;
  const auto& run = request.run;
  const bool again =
      error == EINTR || error == EAGAIN ||
      (error == EINVAL && request.is_write && route_.target->give_up_direct(under_way.file));
  if (again && !is_given_up(*request.slot)) {
    submit(request);
    return std::nullopt;
  }
  Outcome outcome{request.slot, request.is_write};
  const auto offset = std::to_string(run.offset);
  if (error == 0)
    outcome.error =
        Error{Errc::invalid, route_.source_path + ": damaged: ends at offset " + offset +
                                 ", expected " + std::to_string(run.bytes.size()) + " bytes more"};
  else
    outcome.error = posix_error(error, (request.is_write ? "write " + route_.target->path()
                                                         : "read " + route_.source_path) +
                                           " at offset " + offset);
  return outcome;
}

}  // namespace holdfast::imaging
