// SPDX-License-Identifier: Apache-2.0
#include "cli/image_bundle.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

Result<imaging::Source> disk_of_bundle(const Bundle& bundle, const std::string& folder,
                                       const std::string& name) {
  const auto& disks = bundle.image.disks;
  const auto disk =
      std::find_if(disks.begin(), disks.end(), [&](const ImageDisk& d) { return d.name == name; });
  if (disk != disks.end()) return source_of(*disk, folder);
  std::string names;
  for (const auto& d : disks) names += (names.empty() ? "" : ", ") + d.name;
  return Error{Errc::not_found, "the image has no disk named " + name + "; it has " + names};
}

Result<DiskImage> disk_of_file(const std::string& path) {
  const auto info = TRY(imaging::describe(path));
  if (!info.virtual_size)
    return Error{Errc::invalid, path +
                                    " does not say how large its disk is; pack it anew, or "
                                    "put it beside an image.json that does"};
  DiskImage image;
  image.source.path = path;
  image.source.format = info.format;
  image.source.virtual_size = *info.virtual_size;
  return image;
}

// What to do about a path that holds no image.
Error explained(Error error, const std::string& path) {
  std::error_code ignored;
  if (error.code() != Errc::not_found) return error;
  if (fs::is_directory(path, ignored))
    return {Errc::not_found,
            path + " has no image.json, so it is no image; `holdfast image pack` makes one"};
  if (fs::exists(path, ignored)) return error;
  return {Errc::not_found,
          "there is no " + path + "; name an image's folder, or an archive of one"};
}

}  // namespace

Result<Scratch> Scratch::make(const Environment& environment) {
  std::string path = environment.variable("TMPDIR");
  if (path.empty()) path = "/var/tmp";  // a whole image may be more than /tmp holds
  path += "/holdfast-image-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return Error{Errc::unavailable, path + ": " + std::strerror(errno)};
  return Scratch{path};
}

Scratch::~Scratch() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<Bundle> read_bundle(const std::string& path) {
  Bundle bundle;
  auto manifest = imaging::read_manifest(path);
  if (!manifest) return explained(std::move(manifest).error(), path);
  bundle.manifest = std::move(manifest).value();
  bundle.image = TRY(parse_image(bundle.manifest, path + "/image.json"));
  for (const auto& disk : bundle.image.disks)
    bundle.files.push_back({disk.file, disk.file_size.value, disk.file_sha256});
  if (const auto& boot = bundle.image.boot) {
    bundle.files.push_back({boot->kernel, std::nullopt, boot->kernel_sha256});
    if (boot->initrd)
      bundle.files.push_back({*boot->initrd, std::nullopt, boot->initrd_sha256.value_or("")});
  }
  return bundle;
}

Result<imaging::Source> source_of(const ImageDisk& disk, const std::string& folder) {
  imaging::Source source;
  source.path = folder + "/" + disk.file;
  source.format =
      imaging::format_from_string(to_string(disk.format)).value_or(imaging::Format::raw);
  source.virtual_size = disk.virtual_size.value;
  source.sha256 = disk.sha256;
  if (disk.tree)
    source.tree =
        TRY(imaging::parse_tree({disk.tree->frame_size.value, disk.tree->root, disk.tree->frames},
                                source.virtual_size, source.path));
  return source;
}

Result<DiskImage> open_disk_image(const Invocation& invocation, const std::string& path,
                                  const std::string& disk) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  const auto bundle = read_bundle(path);
  if (!bundle) {
    if (is_folder) return bundle.error();
    return disk_of_file(path);
  }
  DiskImage image;
  std::string folder = path;
  if (!is_folder) {
    image.unpacked.emplace(TRY(Scratch::make(invocation.environment())));
    folder = image.unpacked->path() + "/image";
    ProgressBar bar{invocation.environment()};
    TRY(imaging::import_files(path, {bundle->manifest, bundle->files}, folder,
                              followed(invocation, bar, "unpack")));
  }
  image.source = TRY(disk_of_bundle(*bundle, folder, disk));
  return image;
}

imaging::Options followed(const Invocation& invocation, ProgressBar& bar, const std::string& what) {
  imaging::Options options;
  const Clock& clock = invocation.environment().clock;
  options.on_progress = [&bar, &clock, what,
                         start = clock.elapsed()](const imaging::Progress& progress) {
    std::optional<double> fraction;
    if (progress.total != 0)
      fraction = static_cast<double>(progress.done) / static_cast<double>(progress.total);
    bar.draw(transfer_text(what, progress.done, progress.total, clock.elapsed() - start), fraction);
  };
  options.on_note = [&bar, &invocation](std::string_view text) {
    bar.clear();
    invocation.say(std::string{text});
  };
  return options;
}

}  // namespace holdfast::cli
