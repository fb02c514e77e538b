// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>

#include <nlohmann/json.hpp>

#include "base/posix_error.hpp"
#include "base/sha256.hpp"
#include "base/unique_fd.hpp"
#include "cli/commands.hpp"
#include "cli/image_bundle.hpp"
#include "cli/render.hpp"
#include "imaging/pack.hpp"
#include "imaging/posix.hpp"
#include "imaging/range.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

// The new bundle's folder. image.json comes last, so that a folder without one was never whole;
// what was made goes away when that does not happen.
class NewFolder {
 public:
  explicit NewFolder(std::string path) : path_{std::move(path)} {}
  NewFolder(NewFolder&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  NewFolder& operator=(NewFolder&&) = delete;
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  ~NewFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  static Result<NewFolder> make(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) != 0) return posix_error(errno, "create " + path);
    return NewFolder{path};
  }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  Result<void> finish(const std::string& manifest) {
    const std::string path = *this / "image.json";
    const std::string partial = path + ".partial";
    const UniqueFd file{::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
    if (!file) return posix_error(errno, "create " + partial);
    TRY(imaging::write_at(file.get(), 0, std::as_bytes(std::span{manifest}), partial));
    TRY(imaging::sync_file(file.get(), partial));
    if (::rename(partial.c_str(), path.c_str()) != 0)
      return posix_error(errno, "rename " + partial);
    TRY(imaging::sync_directory(path_));
    TRY(imaging::sync_directory(imaging::parent_of(path_)));
    path_.clear();
    return ok();
  }

 private:
  std::string path_;
};

ImageTree tree_of(const imaging::Packed& packed) {
  auto text = imaging::to_text(packed.tree, packed.virtual_size);
  return {Bytes{text.frame_size}, std::move(text.root), std::move(text.frames)};
}

Result<ImageDisk> pack_disk(const Invocation& invocation, const imaging::PackSettings& settings,
                            const NewFolder& folder, const std::string& name,
                            const std::string& path) {
  ImageDisk disk;
  disk.name = name;
  disk.file = name + ".raw.zst";
  disk.format = ImageFormat::raw_zst;
  ProgressBar bar{invocation.environment()};
  const auto packed = TRY(
      imaging::pack(path, folder / disk.file, settings, followed(invocation, bar, "disk " + name)));
  disk.virtual_size = Bytes{packed.virtual_size};
  disk.file_size = Bytes{packed.file_size};
  disk.file_sha256 = packed.file_sha256;
  disk.tree = tree_of(packed);
  // Made with the file mode of a guest's disk; what is handed on is for everybody.
  if (::chmod((folder / disk.file).c_str(), 0644) != 0)
    return posix_error(errno, "change the mode of " + folder / disk.file);
  return disk;
}

// A kernel or an initrd, copied beside the disks. Its hash.
Result<std::string> copy_beside(const NewFolder& folder, const std::string& path) {
  const std::string name = fs::path{path}.filename();
  imaging::Source source;
  source.path = path;
  source.virtual_size = TRY(imaging::describe(path)).file_size;
  TRY(imaging::restore(source, folder / name, {}));
  Sha256Hasher hasher;
  TRY(imaging::read_range(source, {0, source.virtual_size},
                          [&](std::span<const std::byte> bytes) -> Result<void> {
                            hasher.add(bytes);
                            return ok();
                          },
                          {}));
  if (::chmod((folder / name).c_str(), 0644) != 0)
    return posix_error(errno, "change the mode of " + folder / name);
  return to_hex(hasher.finish());
}

Result<std::optional<DirectBoot>> boot_of(const NewFolder& folder,
                                          const ImagePackOptions& options) {
  if (options.kernel.empty()) {
    if (options.initrd.empty() && options.cmdline.empty()) return std::optional<DirectBoot>{};
    return Error{Errc::invalid, "--initrd and --cmdline are for an image with a --kernel"};
  }
  DirectBoot boot;
  boot.kernel = fs::path{options.kernel}.filename();
  boot.kernel_sha256 = TRY(copy_beside(folder, options.kernel));
  boot.cmdline = options.cmdline;
  if (!options.initrd.empty()) {
    boot.initrd = fs::path{options.initrd}.filename();
    boot.initrd_sha256 = TRY(copy_beside(folder, options.initrd));
  }
  return std::optional{boot};
}

Result<FirstBoot> first_boot_of(const std::string& text) {
  for (const auto kind : {FirstBoot::nocloud, FirstBoot::kernel_cmdline, FirstBoot::none})
    if (text == to_string(kind)) return kind;
  return Error{Errc::invalid, "--first-boot " + text};
}

Result<imaging::Restored> over_device(const Invocation& invocation, const imaging::Source& source,
                                      const ImageUnpackOptions& options,
                                      const imaging::Options& transfer) {
  if (!options.is_sure && !TRY(invocation.confirm("Everything on " + printable(options.target) +
                                                  " will be lost. Go on?")))
    return Error{Errc::denied, "not confirmed; nothing was written"};
  return imaging::restore_over_device(source, options.target, transfer);
}

}  // namespace

Result<Exit> image_pack(const Invocation& invocation, const ImagePackOptions& options) {
  imaging::PackSettings settings;
  settings.level = options.level;
  settings.frame_size = TRY(parse_bytes(options.frame_size)).value;
  settings.finds_long_matches = options.finds_long_matches;
  Image image;
  image.name = options.name;
  image.version = options.version;
  image.first_boot = TRY(first_boot_of(options.first_boot));
  auto folder = TRY(NewFolder::make(options.folder));
  image.boot = TRY(boot_of(folder, options));
  image.disks.push_back(TRY(pack_disk(invocation, settings, folder, "root", options.root)));
  for (const auto& volume : options.volumes) {
    const auto equals = volume.find('=');
    if (equals == std::string::npos || volume.find('/') < equals)
      return Error{Errc::invalid, "--volume " + volume + ": expected NAME=PATH"};
    image.disks.push_back(TRY(pack_disk(invocation, settings, folder, volume.substr(0, equals),
                                        volume.substr(equals + 1))));
  }
  const std::string manifest = to_canonical_json(image);
  // What we write is what we would accept.
  TRY(parse_image(manifest, options.folder + "/image.json"));
  TRY(folder.finish(manifest + "\n"));
  TRY(invocation.show(manifest, [&] {
    std::string text =
        "packed " + image.name + " " + image.version + " into " + options.folder + "\n";
    for (const auto& disk : image.disks)
      text += disk.name + ": " + to_string(disk.virtual_size) + " in " + rounded(disk.file_size) +
              ", tree " + disk.tree->root + "\n";
    return text;
  }));
  return Exit::done;
}

Result<Exit> image_unpack(const Invocation& invocation, const ImageUnpackOptions& options) {
  const auto disk = TRY(open_disk_image(invocation, options.path, options.disk));
  ProgressBar bar{invocation.environment()};
  auto transfer = followed(invocation, bar, "disk " + options.disk);
  if (!options.limit.empty()) transfer.max_bytes_per_second = TRY(parse_bytes(options.limit)).value;
  if (options.is_idle) transfer.priority = imaging::IoPriority::idle;
  const auto restored =
      TRY(options.is_over_device ? over_device(invocation, disk.source, options, transfer)
                                 : imaging::restore(disk.source, options.target, transfer));
  bar.clear();
  const bool is_checked = disk.source.tree || !disk.source.sha256.empty();
  const nlohmann::json json{
      {"path", options.target},           {"virtualSize", restored.virtual_size},
      {"dataBytes", restored.data_bytes}, {"keptBytes", restored.kept_bytes},
      {"clone", restored.is_clone},       {"checked", is_checked}};
  TRY(invocation.show(json.dump(), [&] {
    return "unpacked " + printable(options.target) + ": " +
           to_string(Bytes{restored.virtual_size}) + ", " + rounded(Bytes{restored.data_bytes}) +
           (restored.is_clone ? " shared with the image" : " written") +
           (is_checked ? ", every hash is right\n" : ", unchecked: there was no hash\n");
  }));
  return Exit::done;
}

Result<Exit> image_cat(const Invocation& invocation, const ImageCatOptions& options) {
  const auto disk = TRY(open_disk_image(invocation, options.path, options.disk));
  imaging::Range range;
  range.offset = TRY(parse_bytes(options.offset)).value;
  range.size = options.size.empty() ? std::numeric_limits<std::uint64_t>::max()
                                    : TRY(parse_bytes(options.size)).value;
  auto& out = invocation.environment().out;
  TRY(imaging::read_range(disk.source, range,
                          [&out](std::span<const std::byte> bytes) -> Result<void> {
                            out.write(reinterpret_cast<const char*>(bytes.data()),
                                      static_cast<std::streamsize>(bytes.size()));
                            if (out) return ok();
                            return Error{Errc::unavailable, "standard output was closed"};
                          },
                          {}));
  out.flush();
  return Exit::done;
}

}  // namespace holdfast::cli
