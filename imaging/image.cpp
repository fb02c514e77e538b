// SPDX-License-Identifier: Apache-2.0
#include "imaging/image.hpp"

#include <fcntl.h>

#include <memory>
#include <utility>

#include "imaging/content_job.hpp"
#include "imaging/opened_image.hpp"
#include "imaging/posix.hpp"
#include "imaging/qcow2.hpp"
#include "imaging/unpack_qcow2.hpp"
#include "imaging/zstd.hpp"

namespace holdfast::imaging {

std::string_view to_string(Format format) {
  switch (format) {
    case Format::raw: return "raw";
    case Format::raw_zst: return "raw.zst";
    case Format::qcow2: return "qcow2";
  }
  return "?";
}

std::optional<Format> format_from_string(std::string_view text) {
  for (const auto format : {Format::raw, Format::raw_zst, Format::qcow2})
    if (text == to_string(format)) return format;
  return {};
}

Result<void> verify(const Source& source, const Options& options) {
  const auto image = TRY(OpenedImage::open(source));
  if (source.format == Format::qcow2) {
    const auto target = TRY(unnamed_file());
    TRY(unpack_qcow2(image, target.get(), options));
  } else {
    auto reading = reading_of(image, {.tree = tree_of(source)}, options);
    Promise promise = promise_of(source);
    promise.sha256 = source.sha256;
    ContentJob job{promise, reading.layout.get()};
    TRY(run(job, route_of(image, reading, nullptr), options));
  }
  TRY(image.check_unchanged());
  if (options.on_progress) options.on_progress({source.virtual_size, source.virtual_size});
  return ok();
}

Result<ImageInfo> describe(const std::string& path) {
  const auto file = TRY(open_regular(AT_FDCWD, path));
  const auto size = static_cast<std::uint64_t>(TRY(stat_of(file.get(), path)).st_size);
  const auto head = TRY(read_head(file.get(), path));
  if (is_qcow2(head)) return ImageInfo{Format::qcow2, size, TRY(check_qcow2(head, path)), {}};
  if (!is_zstd(head)) return ImageInfo{Format::raw, size, size, {}};
  const auto table = TRY(read_seek_table(file.get(), size, path));
  if (table) return ImageInfo{Format::raw_zst, size, table->disk_size, table->frames.size()};
  return ImageInfo{Format::raw_zst, size, TRY(zstd_content_size(head, path)), {}};
}

}  // namespace holdfast::imaging
