// SPDX-License-Identifier: Apache-2.0
#include "schema/image.hpp"

#include <algorithm>

#include "base/sha256.hpp"
#include "schema/limits.hpp"
#include "schema/resource_tables.hpp"

namespace holdfast {

std::string_view to_string(ImageFormat format) {
  switch (format) {
    case ImageFormat::raw: return "raw";
    case ImageFormat::raw_zst: return "raw.zst";
    case ImageFormat::qcow2: return "qcow2";
  }
  return "unknown";
}

std::string_view to_string(FirstBoot first_boot) {
  switch (first_boot) {
    case FirstBoot::nocloud: return "nocloud";
    case FirstBoot::kernel_cmdline: return "kernel-cmdline";
    case FirstBoot::none: return "none";
  }
  return "unknown";
}

namespace {

const TextForm kernel_cmdline{single_line.expected, single_line.pattern, single_line.matches,
                              limits::cmdline_bytes};

bool is_frame(std::string_view text) {
  if (!text.starts_with("zeros:")) return sha256_hex.matches(text);
  text.remove_prefix(6);
  return !text.empty() && text.size() <= 12 && text.front() != '0' &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

const TextForm frame_text{"a SHA-256 of 64 lower-case hex digits, or zeros:N",
                          "^([0-9a-f]{64}|zeros:[1-9][0-9]{0,11})$", is_frame, 64};

// A text that is left out when it is empty.
Codec<std::string> or_nothing(Codec<std::string> codec) {
  codec.print = [](const std::string& value) -> Json {
    return value.empty() ? Json(nullptr) : Json(value);
  };
  return codec;
}

const Table<ImageTree>& tree_table() {
  static const Table<ImageTree> table{{
      required(field("frameSize", &ImageTree::frame_size, byte_count(kibibytes(64), mebibytes(16)),
                     "Bytes; a power of two.")),
      required(field("root", &ImageTree::root, text(sha256_hex))),
      required(field("frames", &ImageTree::frames,
                     list_of(text(frame_text), {1, limits::image_frames}),
                     "In order, one hash for each frame; zeros:N stands for N frames of zeros.")),
  }};
  return table;
}

const Table<ImageDisk>& disk_table() {
  static const Json some_hash = {{"anyOf", {{{"required", {"sha256"}}}, {{"required", {"tree"}}}}}};
  static const Table<ImageDisk> table{
      {
          required(field("name", &ImageDisk::name, text(dns_label), "root, or a volume's name.")),
          required(field("file", &ImageDisk::file, text(file_name), "Beside image.json.")),
          required(field("format", &ImageDisk::format,
                         one_of({ImageFormat::raw, ImageFormat::raw_zst, ImageFormat::qcow2}))),
          required(field("virtualSize", &ImageDisk::virtual_size,
                         byte_count(limits::disk_min, limits::disk_max),
                         "Bytes of the disk the guest sees.")),
          field("sha256", &ImageDisk::sha256, or_nothing(text(sha256_hex)),
                "Of the raw content. May be left out when there is a tree."),
          required(field("fileSha256", &ImageDisk::file_sha256, text(sha256_hex),
                         "Of the file as it is stored.")),
          required(field("fileSize", &ImageDisk::file_size, byte_count(Bytes{1}, limits::disk_max),
                         "Bytes of the file.")),
          field("tree", &ImageDisk::tree, maybe(object(tree_table())),
                "Hashes of the raw content, frame by frame."),
      },
      {},
      [](const Json& json, Problems& problems) {
        if (!json.contains("sha256") && !json.contains("tree"))
          problems.add("found neither sha256 nor tree, expected one of them");
      },
      some_hash};
  return table;
}

const Table<DirectBoot>& boot_table() {
  static const Json initrd_and_hash = {
      {"dependencies", {{"initrd", {"initrdSha256"}}, {"initrdSha256", {"initrd"}}}}};
  static const Table<DirectBoot> table{
      {
          required(field("kernel", &DirectBoot::kernel, text(file_name))),
          required(field("kernelSha256", &DirectBoot::kernel_sha256, text(sha256_hex))),
          field("initrd", &DirectBoot::initrd, maybe(text(file_name))),
          field("initrdSha256", &DirectBoot::initrd_sha256, maybe(text(sha256_hex))),
          field("cmdline", &DirectBoot::cmdline, text(kernel_cmdline)),
      },
      [](DirectBoot& boot, Problems& problems) {
        if (boot.initrd.has_value() != boot.initrd_sha256.has_value())
          problems.add("found one of initrd and initrdSha256, expected both or none");
      },
      {},
      initrd_and_hash};
  return table;
}

void finish_image(Image& image, Problems& problems) {
  const Problems::Step step{problems, "disks"};
  refuse_twins(
      image.disks, "disk", [](const ImageDisk& disk) { return disk.name; }, problems);
  const bool has_root = std::any_of(image.disks.begin(), image.disks.end(),
                                    [](const ImageDisk& disk) { return disk.name == "root"; });
  if (!has_root) problems.add("found no disk named root, expected one");
}

const Table<Image>& spec_table() {
  static const Json has_root = {
      {"disks", {{"contains", {{"properties", {{"name", {{"const", "root"}}}}}}}}}};
  static const Table<Image> table{
      {
          required(field("version", &Image::version, text(version_text))),
          field("firstBoot", &Image::first_boot,
                one_of({FirstBoot::nocloud, FirstBoot::kernel_cmdline, FirstBoot::none}),
                "How a guest learns who it is when it first boots."),
          required(field("disks", &Image::disks,
                         list_of(object(disk_table()), {1, limits::image_disks}))),
          field("boot", &Image::boot, maybe(object(boot_table())),
                "For images started without a boot loader."),
      },
      finish_image,
      {},
      {{"allOf", {{{"properties", has_root}}}}}};
  return table;
}

}  // namespace

const Table<Image>& image_table() {
  static const auto metadata = metadata_table<Image>(dns_label);
  static const Table<Image> table{{
      fixed<Image>("apiVersion", api_version),
      fixed<Image>("kind", "Image"),
      required(section("metadata", metadata)),
      required(section("spec", spec_table())),
  }};
  return table;
}

Result<Image> parse_image(std::string_view text, std::string_view source_name) {
  return parse_one(image_table(), text, source_name);
}

std::string to_canonical_json(const Image& image) { return image_table().print(image).dump(); }
std::string to_yaml(const Image& image) { return yaml_of(image_table().print(image)); }
std::string digest(const Image& image) { return digest_of(to_canonical_json(image)); }

}  // namespace holdfast
