// SPDX-License-Identifier: Apache-2.0
#include "imaging/image.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/image_bundle.hpp"
#include "cli/progress_bar.hpp"
#include "cli/render.hpp"
#include "imaging/bundle.hpp"
#include "schema/image.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

Result<void> verify_folder(const Invocation& invocation, const Bundle& bundle,
                           const std::string& folder) {
  ProgressBar bar{invocation.environment()};
  TRY(imaging::verify_files(folder, bundle.files, followed(invocation, bar, "files")));
  for (const auto& disk : bundle.image.disks) {
    const auto source = TRY(source_of(disk, folder));
    TRY(imaging::verify(source, followed(invocation, bar, "disk " + disk.name))
            .context("disk " + disk.name));
  }
  return ok();
}

// A disk that was restored from the image, perhaps long ago, against the image's own hashes.
Result<Exit> verify_restored(const Invocation& invocation, const ImageVerifyOptions& options) {
  const auto bundle = TRY(read_bundle(options.path));
  const auto& disks = bundle.image.disks;
  const auto disk = std::find_if(disks.begin(), disks.end(),
                                 [&](const ImageDisk& d) { return d.name == options.disk; });
  if (disk == disks.end())
    return Error{Errc::not_found, "the image has no disk named " + options.disk};
  auto source = TRY(source_of(*disk, options.path));
  source.path = options.restored;
  source.format = imaging::Format::raw;
  ProgressBar bar{invocation.environment()};
  TRY(imaging::verify(source, followed(invocation, bar, "disk " + disk->name)));
  bar.clear();
  const nlohmann::json json{{"valid", true}, {"disk", disk->name}, {"path", options.restored}};
  TRY(invocation.show(json.dump(), [&] {
    return printable(options.restored) + " is disk " + disk->name + " of image " +
           bundle.image.name + " " + bundle.image.version + "\n";
  }));
  return Exit::done;
}

// A file that is a disk and no bundle.
Result<Exit> inspect_file(const Invocation& invocation, const std::string& path,
                          const imaging::ImageInfo& info) {
  nlohmann::json json{{"format", to_string(info.format)}, {"fileSize", info.file_size}};
  if (info.virtual_size) json["virtualSize"] = *info.virtual_size;
  if (info.frames) json["frames"] = *info.frames;
  TRY(invocation.show(json.dump(), [&] {
    std::string text =
        "File:     " + printable(path) + "\nFormat:   " + std::string{to_string(info.format)} +
        "\nOn disk:  " + rounded(Bytes{info.file_size}) +
        "\nSize:     " + (info.virtual_size ? to_string(Bytes{*info.virtual_size}) : "not said") +
        "\n";
    if (info.format == imaging::Format::raw_zst)
      text += info.frames ? "Frames:   " + std::to_string(*info.frames) + ", with a seek table\n"
                          : "Frames:   no seek table\n";
    return text;
  }));
  return Exit::done;
}

std::string inspected(const Image& image) {
  std::string text = "Name:     " + image.name + "\nVersion:  " + image.version +
                     "\nBoot:     " + std::string{to_string(image.first_boot)} + "\n";
  Table disks{{"DISK", "FILE", "FORMAT", "SIZE", "FILE-SIZE", "SHA256"}};
  for (const auto& disk : image.disks)
    disks.add({disk.name, disk.file, std::string{to_string(disk.format)},
               to_string(disk.virtual_size), rounded(disk.file_size),
               disk.sha256.empty() && disk.tree ? "tree " + disk.tree->root : disk.sha256});
  text += disks.render(Style{});
  if (image.boot) {
    text += "Kernel:   " + image.boot->kernel +
            "\nInitrd:   " + image.boot->initrd.value_or("none") +
            "\nCmdline:  " + printable(image.boot->cmdline) + "\n";
  }
  return text;
}

// Draws how far the daemon is with an import, on a thread of its own, until it goes away.
class ImportProgress {
 public:
  ImportProgress(const Invocation& invocation, std::string path) {
    if (!invocation.environment().err_is_terminal) return;
    thread_ = std::thread{[this, &invocation, path = std::move(path)] {
      ProgressBar bar{invocation.environment()};
      const Clock& clock = invocation.environment().clock;
      const Duration started = clock.elapsed();
      std::unique_lock lock{mutex_};
      do {
        lock.unlock();
        draw(invocation, bar, path, clock.elapsed() - started);
        lock.lock();
      } while (
          !changed_.wait_for(lock, std::chrono::milliseconds{300}, [this] { return is_over_; }));
    }};
  }
  ~ImportProgress() {
    {
      const std::lock_guard lock{mutex_};
      is_over_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  ImportProgress(const ImportProgress&) = delete;
  ImportProgress& operator=(const ImportProgress&) = delete;

 private:
  static void draw(const Invocation& invocation, ProgressBar& bar, const std::string& path,
                   Duration elapsed) {
    const std::string what = "import " + std::string{fs::path{path}.filename()};
    const auto imports = invocation.daemon().imports();
    if (imports)
      for (const auto& import : *imports)
        if (import.path == path && import.total.value != 0)
          return bar.draw(
              transfer_text(what, import.done.value, import.total.value, elapsed),
              static_cast<double>(import.done.value) / static_cast<double>(import.total.value));
    bar.draw(what + ", " + to_short_string(elapsed), std::nullopt);
  }

  std::mutex mutex_{};
  std::condition_variable changed_{};
  bool is_over_ = false;
  std::thread thread_{};
};

}  // namespace

Result<Exit> image_verify(const Invocation& invocation, const ImageVerifyOptions& options) {
  if (!options.restored.empty()) return verify_restored(invocation, options);
  const auto& path = options.path;
  const auto bundle = TRY(read_bundle(path));
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    TRY(verify_folder(invocation, bundle, path));
  } else {
    const auto scratch = TRY(Scratch::make(invocation.environment()));
    const std::string folder = scratch.path() + "/image";
    {
      ProgressBar bar{invocation.environment()};
      TRY(imaging::import_files(path, {bundle.manifest, bundle.files}, folder,
                                followed(invocation, bar, "unpack")));
    }
    TRY(verify_folder(invocation, bundle, folder));
  }
  const std::string name = bundle.image.name + " " + bundle.image.version;
  const nlohmann::json json{
      {"valid", true}, {"name", bundle.image.name}, {"version", bundle.image.version}};
  TRY(invocation.show(json.dump(), [&] {
    return "image " + name + " is whole: " + std::to_string(bundle.files.size()) +
           " files and the content of " + std::to_string(bundle.image.disks.size()) + " disks\n";
  }));
  return Exit::done;
}

Result<Exit> image_inspect(const Invocation& invocation, const std::string& path) {
  const auto bundle = read_bundle(path);
  if (!bundle) {
    const auto info = imaging::describe(path);
    if (!info || info->format == imaging::Format::raw) return bundle.error();
    return inspect_file(invocation, path, *info);
  }
  TRY(invocation.show(to_canonical_json(bundle->image), [&] { return inspected(bundle->image); }));
  return Exit::done;
}

Result<Exit> image_list(const Invocation& invocation) {
  GetOptions options;
  options.kind = "images";
  return get(invocation, options);
}

Result<Exit> image_import(const Invocation& invocation, const std::string& path) {
  std::error_code error;
  const auto absolute = fs::canonical(path, error);
  if (error)
    return Error{Errc::not_found,
                 path + ": " + error.message() + "; name an image's folder, or an archive of one"};
  const auto image = [&]() -> Result<ImageReport> {
    const ImportProgress progress{invocation, absolute.string()};
    return invocation.daemon().import_image(absolute.string());
  }();
  if (!image) return image.error();
  TRY(invocation.show(to_json(*image), [&] {
    return "imported " + printable(image->name + " " + image->version) + "\n";
  }));
  return Exit::done;
}

}  // namespace holdfast::cli
