// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/storage.hpp"
#include "imaging/image.hpp"

// Private to drivers/local: what ports call a transfer, as imaging/ wants it.
namespace holdfast::local {

inline imaging::Options to_options(const host::Transfer& transfer) {
  imaging::Options options;
  options.stop = transfer.stop;
  if (transfer.on_progress)
    options.on_progress = [report = transfer.on_progress](const imaging::Progress& p) {
      report({p.done, p.total});
    };
  return options;
}

inline imaging::Format to_format(ImageFormat format) {
  switch (format) {
    case ImageFormat::raw: return imaging::Format::raw;
    case ImageFormat::raw_zst: return imaging::Format::raw_zst;
    case ImageFormat::qcow2: return imaging::Format::qcow2;
  }
  return imaging::Format::raw;
}

inline imaging::Source to_source(const host::StoredImage& stored, const ImageDisk& disk) {
  return {.path = stored.directory + "/" + disk.file,
          .format = to_format(disk.format),
          .virtual_size = disk.virtual_size.value,
          .sha256 = disk.sha256};
}

}  // namespace holdfast::local
