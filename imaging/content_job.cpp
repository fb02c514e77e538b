// SPDX-License-Identifier: Apache-2.0
#include "imaging/content_job.hpp"

#include <algorithm>
#include <utility>

#include "imaging/content.hpp"

namespace holdfast::imaging {
namespace {

std::string place_of(const Slot& slot) {
  const auto& piece = slot.piece;
  std::string text = "bytes " + std::to_string(piece.disk_offset) + " to " +
                     std::to_string(piece.disk_offset + piece.disk_size) + " of the disk";
  if (piece.is_packed) text += ", frame at offset " + std::to_string(piece.file_offset);
  return text;
}

// The blocks that are not zeros, neighbours as one run.
std::uint64_t find_runs(Slot& slot) {
  const auto content = slot.content();
  std::uint64_t data = 0;
  slot.runs.clear();
  for (std::size_t at = 0; at < content.size(); at += block_size) {
    const auto block = content.subspan(at, std::min(block_size, content.size() - at));
    if (is_zero(block)) continue;
    data += block.size();
    auto* last = slot.runs.empty() ? nullptr : &slot.runs.back();
    if (last != nullptr && last->bytes.data() + last->bytes.size() == block.data())
      last->bytes = {last->bytes.data(), last->bytes.size() + block.size()};
    else
      slot.runs.push_back({block, slot.piece.disk_offset + at});
  }
  return data;
}

}  // namespace

Result<void> FrameDecoder::decode(Slot& slot, unsigned worker, const std::string& name) {
  auto& context = contexts_.at(worker);
  if (!context) context.reset(ZSTD_createDCtx());
  if (!context) return Error{Errc::exhausted, "read " + name + ": no memory for zstd"};
  const auto content = slot.content();
  const auto packed = slot.packed.first(slot.packed_size);
  const auto size = ZSTD_decompressDCtx(context.get(), content.data(), content.size(),
                                        packed.data(), packed.size());
  if (ZSTD_isError(size) != 0)
    return Error{Errc::invalid,
                 name + ": damaged: " + place_of(slot) + ": zstd: " + ZSTD_getErrorName(size)};
  if (size != content.size())
    return Error{Errc::invalid, name + ": damaged seek table: " + place_of(slot) + ": found " +
                                    std::to_string(size) + " bytes"};
  return ok();
}

Result<void> check_frame(const Promise& promise, const Slot& slot) {
  const auto found = promise.tree->frames.find(slot.piece.disk_offset / promise.tree->frame_size);
  if (found == promise.tree->frames.end()) {
    if (is_zero(slot.content())) return ok();
    return Error{Errc::invalid,
                 promise.name + ": damaged: " + place_of(slot) + ": expected zeros, found data"};
  }
  const auto hash = sha256_of(slot.content());
  if (hash == found->second) return ok();
  return Error{Errc::invalid, promise.name + ": damaged: " + place_of(slot) +
                                  ": expected SHA-256 " + to_hex(found->second) + ", found " +
                                  to_hex(hash)};
}

Result<void> ContentJob::work(Slot& slot, unsigned worker) {
  if (slot.piece.is_packed) TRY(decoder_.decode(slot, worker, promise_.name));
  if (promise_.tree != nullptr) {
    TRY(check_frame(promise_, slot));
    const auto frame = slot.piece.disk_offset / promise_.tree->frame_size;
    if (present_ != nullptr && frame < present_->size() && (*present_)[frame] != 0) return ok();
  }
  data_bytes_ += find_runs(slot);
  return ok();
}

Result<void> ContentJob::absorb_zeros(std::uint64_t until) {
  static constexpr std::array<std::byte, block_size> zeros{};
  for (auto at = absorbed_.load(); at < until; at = absorbed_) {
    if (is_stopped) return Error{Errc::unavailable, "interrupted"};
    const auto size = std::min<std::uint64_t>(zeros.size(), until - at);
    hasher_->add(std::span{zeros}.first(size));
    absorbed_ += size;
  }
  return ok();
}

Result<void> ContentJob::absorb(Slot& slot) {
  TRY(absorb_zeros(slot.piece.disk_offset));
  hasher_->add(slot.content());
  absorbed_ += slot.piece.disk_size;
  return ok();
}

Result<void> ContentJob::absorb_end() {
  TRY(absorb_zeros(promise_.disk_size));
  if (const auto found = to_hex(hasher_->finish()); found != promise_.sha256)
    return Error{Errc::invalid,
                 promise_.name + ": expected SHA-256 " + promise_.sha256 + ", found " + found};
  return ok();
}

Result<void> PresenceJob::work(Slot& slot, unsigned) {
  const auto frame = slot.piece.disk_offset / tree_.frame_size;
  const auto expected = tree_.frames.find(frame);
  if (expected == tree_.frames.end() || sha256_of(slot.content()) != expected->second) return ok();
  present_[frame] = 1;
  bytes_ += slot.piece.disk_size;
  return ok();
}

}  // namespace holdfast::imaging
