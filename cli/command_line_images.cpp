// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli/command_line.hpp"

namespace holdfast::cli {
namespace {

void declare_verify(CLI::App& image, Words& words) {
  const auto options = std::make_shared<ImageVerifyOptions>();
  auto* verify = add_command(
      image, {"verify", "Check every file and every disk's content, without the daemon",
              "holdfast image verify ./tiny\nholdfast image verify ./tiny-1.0.0.tar.zst\n"
              "holdfast image verify ./tiny --restored /srv/root.raw"});
  verify->add_option("PATH", options->path, "The image's folder or archive")->required();
  verify->add_option("--restored", options->restored,
                     "Check this disk against the image instead, without reading the image's own");
  verify->add_option("--disk", options->disk, "Which of the image's disks that is")
      ->capture_default_str();
  choose(verify, words, options, image_verify);
}

void declare_pack(CLI::App& image, Words& words) {
  const auto options = std::make_shared<ImagePackOptions>();
  auto* pack = add_command(
      image,
      {"pack", "Make an image of a disk that nobody writes to, without the daemon",
       "holdfast image pack ./disk.raw ./debian-12 --name debian-12 --version 2026.11.1\n"
       "holdfast image pack /dev/vg/golden ./web --name web --version 3 --level 12 --long\n"
       "holdfast image pack ./root.qcow2 ./db --name db --version 1 --volume data=./data.raw"});
  pack->add_option("DISK", options->root, "The root disk: a raw file, a block device or a qcow2")
      ->required();
  pack->add_option("FOLDER", options->folder, "The new folder for the image")->required();
  pack->add_option("--name", options->name, "The image's name")->required();
  pack->add_option("--version", options->version, "The image's version")->required();
  pack->add_option("--volume", options->volumes, "Another disk, as NAME=PATH");
  pack->add_option("--first-boot", options->first_boot, "How a guest learns who it is")
      ->check(CLI::IsMember({"nocloud", "kernel-cmdline", "none"}))
      ->capture_default_str();
  pack->add_option("--kernel", options->kernel, "For images that start without a boot loader");
  pack->add_option("--initrd", options->initrd, "Beside the kernel");
  pack->add_option("--cmdline", options->cmdline, "The kernel's command line");
  pack->add_option("--level", options->level,
                   "Of zstd; how fast an image is restored hardly depends on it")
      ->check(CLI::Range(1, 19))
      ->capture_default_str();
  pack->add_option("--frame-size", options->frame_size,
                   "What is compressed and checked as one, a power of two from 64Ki to 16Mi")
      ->capture_default_str();
  pack->add_flag("--long", options->finds_long_matches, "Look for matches all over a frame");
  choose(pack, words, options, image_pack);
}

void declare_unpack(CLI::App& image, Words& words) {
  const auto options = std::make_shared<ImageUnpackOptions>();
  auto* unpack = add_command(
      image, {"unpack", "Restore one disk of an image to a raw file, checked and durable",
              "holdfast image unpack ./debian-12 ./root.raw\n"
              "holdfast image unpack ./db ./data.raw --disk data --limit 100Mi --idle\n"
              "holdfast image unpack ./db /dev/vg/db --over-device"});
  unpack->add_option("PATH", options->path, "The image's folder or archive, or a disk's file")
      ->required();
  unpack->add_option("TARGET", options->target, "The new file")->required();
  unpack->add_option("--disk", options->disk, "Which of its disks")->capture_default_str();
  unpack->add_option("--limit", options->limit, "Bytes a second, read and written together");
  unpack->add_flag("--idle", options->is_idle, "Give way to whoever else wants the disk");
  unpack->add_flag("--over-device", options->is_over_device,
                   "TARGET is a block device; what is on it is lost");
  unpack->add_flag("--yes", options->is_sure, "Do not ask before a device is overwritten");
  choose(unpack, words, options, image_unpack);
}

void declare_cat(CLI::App& image, Words& words) {
  const auto options = std::make_shared<ImageCatOptions>();
  auto* cat = add_command(
      image, {"cat", "Write one range of a disk to standard output, checked, without the rest",
              "holdfast image cat ./debian-12 --offset 1Mi --size 512\n"
              "holdfast image cat ./debian-12 | dd of=/dev/vg/new bs=1M"});
  cat->add_option("PATH", options->path, "The image's folder or archive, or a disk's file")
      ->required();
  cat->add_option("--disk", options->disk, "Which of its disks")->capture_default_str();
  cat->add_option("--offset", options->offset, "Where it begins")->capture_default_str();
  cat->add_option("--size", options->size, "How much; all that is left unless given");
  choose(cat, words, options, image_cat);
}

}  // namespace

void declare_images(CLI::App& app, Words& words) {
  auto* image = add_command(app, {"image", "Golden images: make them, check them, bring them here",
                                  "holdfast image pack ./disk.raw ./tiny --name tiny --version 1\n"
                                  "holdfast image verify ./tiny-1.0.0.tar.zst\n"
                                  "holdfast image import ./tiny-1.0.0.tar.zst"});
  declare_pack(*image, words);
  declare_unpack(*image, words);
  declare_verify(*image, words);
  add_by_name(*image, words,
              {"inspect", "Show the manifest, or what a disk's file says, without the daemon",
               "holdfast image inspect ./tiny -o json\nholdfast image inspect ./root.raw.zst"},
              {"PATH", "An image's folder or archive, or one disk's file"}, image_inspect);
  declare_cat(*image, words);
  add_command(*image, {"list", "Images on this host", "holdfast image list -o wide"})
      ->callback([&words] { words.chosen = image_list; });
  add_by_name(*image, words,
              {"import", "Check an image and copy it into the daemon's store",
               "holdfast image import /mnt/usb/debian-12-docker"},
              {"PATH", "The image's folder or archive, on this host"}, image_import);
}

}  // namespace holdfast::cli
