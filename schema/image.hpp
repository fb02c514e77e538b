// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "schema/quantity.hpp"

namespace holdfast {

enum class ImageFormat { raw, raw_zst, qcow2 };
// How a guest learns who it is when it first boots.
enum class FirstBoot { nocloud, kernel_cmdline, none };

// The SHA-256 tree over a disk's content, frame by frame (docs/design/imaging.md). Only the
// form is checked here; that the root is the frames' own is for imaging/.
struct ImageTree {
  Bytes frame_size{};  // a power of two
  std::string root{};
  std::vector<std::string> frames{};  // 64 hex digits each, or "zeros:N" for N frames of zeros
  bool operator==(const ImageTree&) const = default;
};

// One disk of a golden image. Hashes are 64 lower-case hex digits of SHA-256.
struct ImageDisk {
  std::string name{};  // "root" or a volume's name
  std::string file{};  // beside image.json: a plain name without a slash
  ImageFormat format = ImageFormat::raw;
  Bytes virtual_size{};       // of the disk the guest sees
  std::string sha256{};       // of the raw content, virtual_size bytes; may be empty with a tree
  std::string file_sha256{};  // of the file as it is stored
  Bytes file_size{};
  std::optional<ImageTree> tree{};
  bool operator==(const ImageDisk&) const = default;
};

// For images started without a boot loader.
struct DirectBoot {
  std::string kernel{};  // plain file names, as for disks
  std::string kernel_sha256{};
  std::optional<std::string> initrd{};
  std::optional<std::string> initrd_sha256{};  // present exactly when initrd is
  std::string cmdline{};
  bool operator==(const DirectBoot&) const = default;
};

// The content of image.json. Exactly one disk is named "root".
struct Image {
  std::string name{};  // DNS label
  std::string version{};
  FirstBoot first_boot = FirstBoot::nocloud;
  std::vector<ImageDisk> disks{};
  std::optional<DirectBoot> boot{};
  bool operator==(const Image&) const = default;
};

// As written in files: "raw.zst", "kernel-cmdline".
std::string_view to_string(ImageFormat format);
std::string_view to_string(FirstBoot first_boot);

// One JSON or YAML Image, strictly; errors as parse_guest().
Result<Image> parse_image(std::string_view text, std::string_view source_name);

std::string to_canonical_json(const Image& image);
std::string to_yaml(const Image& image);
std::string digest(const Image& image);

}  // namespace holdfast
