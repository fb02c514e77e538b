// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <thread>
#include <utility>

#include "host/storage.hpp"
#include "imaging/image.hpp"
#include "imaging/io_queue.hpp"

// Private to drivers/local: what ports call a transfer, as imaging/ wants it.
namespace holdfast::local {

// Each of the daemon's workers may move a disk at the same time, and the daemon as a whole has to
// stay small beside its guests.
inline constexpr std::uint64_t transfer_memory = 16 * 1024 * 1024;

// Running guests come first: they have the disk and the cores before a transfer does.
// `bandwidth`: bytes a second.
inline imaging::Options to_options(const host::Transfer& transfer,
                                   const std::optional<Bytes>& bandwidth) {
  imaging::Options options;
  options.stop = transfer.stop;
  options.on_note = transfer.on_note;
  options.priority = imaging::IoPriority::idle;
  options.memory = transfer_memory;
  if (bandwidth) options.max_bytes_per_second = bandwidth->value;
  if (transfer.on_progress)
    options.on_progress = [report = transfer.on_progress](const imaging::Progress& p) {
      report({p.done, p.total});
    };
  return options;
}

// Runs `work` to its end on a thread of its own that gives way in the same manner, for what
// moves bytes on its caller's thread.
template <class Work>
auto run_idle(const Work& work) {
  std::optional<decltype(work())> result;
  std::thread{[&] {
    imaging::become_idle();
    result.emplace(work());
  }}.join();
  return std::move(*result);
}

inline imaging::Format to_format(ImageFormat format) {
  switch (format) {
    case ImageFormat::raw: return imaging::Format::raw;
    case ImageFormat::raw_zst: return imaging::Format::raw_zst;
    case ImageFormat::qcow2: return imaging::Format::qcow2;
  }
  return imaging::Format::raw;
}

inline Result<imaging::Source> to_source(const host::StoredImage& stored, const ImageDisk& disk) {
  imaging::Source source;
  source.path = stored.directory + "/" + disk.file;
  source.format = to_format(disk.format);
  source.virtual_size = disk.virtual_size.value;
  source.sha256 = disk.sha256;
  if (disk.tree)
    source.tree =
        TRY(imaging::parse_tree({disk.tree->frame_size.value, disk.tree->root, disk.tree->frames},
                                source.virtual_size, source.path));
  return source;
}

}  // namespace holdfast::local
