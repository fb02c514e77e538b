// SPDX-License-Identifier: Apache-2.0
#include "imaging/image.hpp"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/progress_bar.hpp"
#include "cli/render.hpp"
#include "imaging/bundle.hpp"
#include "schema/image.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

// A folder of our own that goes away again.
class Scratch {
 public:
  explicit Scratch(std::string path) : path_{std::move(path)} {}
  Scratch(Scratch&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

  static Result<Scratch> make(const Environment& environment) {
    std::string path = environment.variable("TMPDIR");
    if (path.empty()) path = "/var/tmp";  // a whole image may be more than /tmp holds
    path += "/holdfast-image-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
      return Error{Errc::unavailable, path + ": " + std::strerror(errno)};
    return Scratch{path};
  }

 private:
  std::string path_;
};

struct Bundle {
  std::string manifest{};
  Image image{};
  std::vector<imaging::BundleFile> files{};
};

Result<Bundle> read_bundle(const std::string& path) {
  Bundle bundle;
  bundle.manifest = TRY(imaging::read_manifest(path));
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

imaging::Options with_progress(ProgressBar& bar, const std::string& what) {
  imaging::Options options;
  options.on_progress = [&bar, what](const imaging::Progress& progress) {
    std::optional<double> fraction;
    if (progress.total != 0)
      fraction = static_cast<double>(progress.done) / static_cast<double>(progress.total);
    bar.draw(what, fraction);
  };
  return options;
}

Result<void> verify_folder(const Invocation& invocation, const Bundle& bundle,
                           const std::string& folder) {
  ProgressBar bar{invocation.environment()};
  TRY(imaging::verify_files(folder, bundle.files, with_progress(bar, "files")));
  for (const auto& disk : bundle.image.disks) {
    imaging::Source source;
    source.path = folder + "/" + disk.file;
    source.format =
        imaging::format_from_string(to_string(disk.format)).value_or(imaging::Format::raw);
    source.virtual_size = disk.virtual_size.value;
    source.sha256 = disk.sha256;
    TRY(imaging::verify(source, with_progress(bar, "disk " + disk.name))
            .context("disk " + disk.name));
  }
  return ok();
}

std::string inspected(const Image& image) {
  std::string text = "Name:     " + image.name + "\nVersion:  " + image.version +
                     "\nBoot:     " + std::string{to_string(image.first_boot)} + "\n";
  Table disks{{"DISK", "FILE", "FORMAT", "SIZE", "FILE-SIZE", "SHA256"}};
  for (const auto& disk : image.disks)
    disks.add({disk.name, disk.file, std::string{to_string(disk.format)},
               to_string(disk.virtual_size), to_string(disk.file_size), disk.sha256});
  text += disks.render(Style{});
  if (image.boot) {
    text += "Kernel:   " + image.boot->kernel +
            "\nInitrd:   " + image.boot->initrd.value_or("none") +
            "\nCmdline:  " + printable(image.boot->cmdline) + "\n";
  }
  return text;
}

// Draws how long we have been waiting, on a thread of its own, until it goes away.
class Waiting {
 public:
  Waiting(const Invocation& invocation, const std::string& what) {
    if (!invocation.environment().err_is_terminal) return;
    thread_ = std::thread{[this, &invocation, what] {
      ProgressBar bar{invocation.environment()};
      const Clock& clock = invocation.environment().clock;
      const Duration started = clock.elapsed();
      std::unique_lock lock{mutex_};
      do {
        bar.draw(what + ", " + to_short_string(clock.elapsed() - started), std::nullopt);
      } while (
          !changed_.wait_for(lock, std::chrono::milliseconds{500}, [this] { return is_over_; }));
    }};
  }
  ~Waiting() {
    {
      const std::lock_guard lock{mutex_};
      is_over_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  std::mutex mutex_{};
  std::condition_variable changed_{};
  bool is_over_ = false;
  std::thread thread_{};
};

}  // namespace

Result<Exit> image_verify(const Invocation& invocation, const std::string& path) {
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
                                with_progress(bar, "unpack")));
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
  const auto bundle = TRY(read_bundle(path));
  TRY(invocation.show(to_canonical_json(bundle.image), [&] { return inspected(bundle.image); }));
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
  if (error) return Error{Errc::not_found, path + ": " + error.message()};
  const auto image = [&]() -> Result<ImageReport> {
    const Waiting waiting{invocation, "importing " + path};
    return invocation.daemon().import_image(absolute.string());
  }();
  if (!image) return image.error();
  TRY(invocation.show(to_json(*image), [&] {
    return "imported " + printable(image->name + " " + image->version) + "\n";
  }));
  return Exit::done;
}

}  // namespace holdfast::cli
