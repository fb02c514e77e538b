// SPDX-License-Identifier: Apache-2.0
#include "drivers/local/local_images.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "drivers/local/local_transfer.hpp"
#include "imaging/bundle.hpp"
#include "imaging/image.hpp"

namespace holdfast::local {
namespace {

namespace fs = std::filesystem;

std::vector<imaging::BundleFile> files_of(const Image& image) {
  std::vector<imaging::BundleFile> files;
  for (const ImageDisk& disk : image.disks)
    files.push_back({disk.file, disk.file_size.value, disk.file_sha256});
  if (image.boot) {
    files.push_back({image.boot->kernel, std::nullopt, image.boot->kernel_sha256});
    if (image.boot->initrd)
      files.push_back({*image.boot->initrd, std::nullopt, image.boot->initrd_sha256.value_or("")});
  }
  return files;
}

// Names of the folders in `directory`, sorted; none when it is not there.
Result<std::vector<std::string>> folders_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at{directory, error}, end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    const std::string name = at->path().filename();
    if (at->is_directory(ignored) && !name.starts_with('.') && !name.ends_with(".partial"))
      names.push_back(name);
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return Error{Errc::unavailable, "list " + directory.string() + ": " + error.message()};
  std::sort(names.begin(), names.end());
  return names;
}

// A reference becomes a path only when it cannot leave the store.
bool is_plain(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

Result<std::optional<host::StoredImage>> LocalImages::find(const ImageRef& image) const {
  using Found = std::optional<host::StoredImage>;
  if (!is_plain(image.name) || !is_plain(image.version)) return Found{};
  const fs::path folder = fs::path{directory_} / image.name / image.version;
  std::error_code error;
  if (!fs::exists(folder, error)) {
    if (error) return Error{Errc::unavailable, folder.string() + ": " + error.message()};
    return Found{};
  }
  const std::string manifest = TRY(imaging::read_manifest(folder));
  Image stored = TRY(parse_image(manifest, (folder / "image.json").string()));
  if (stored.name != image.name || stored.version != image.version)
    return Error{Errc::corrupt, folder.string() + " holds image " + stored.name + " " +
                                    stored.version + "; remove it and import the image again"};
  return Found{host::StoredImage{std::move(stored), folder}};
}

Result<std::vector<host::StoredImage>> LocalImages::list() const {
  std::vector<host::StoredImage> images;
  for (const std::string& name : TRY(folders_in(directory_)))
    for (const std::string& version : TRY(folders_in(fs::path{directory_} / name)))
      if (auto image = TRY(find({name, version}))) images.push_back(std::move(*image));
  return images;
}

Result<host::StoredImage> LocalImages::import(const std::string& path,
                                              const host::Transfer& transfer) {
  imaging::Bundle bundle;
  bundle.manifest = TRY(imaging::read_manifest(path));
  const Image image = TRY(parse_image(bundle.manifest, path + "/image.json"));
  bundle.files = files_of(image);
  const auto same_is_here = [&]() -> Result<std::optional<host::StoredImage>> {
    auto stored = TRY(find({image.name, image.version}));
    if (stored && stored->image != image)
      return Error{Errc::conflict, "image " + image.name + " " + image.version +
                                       " is on this host with other content; give the new one "
                                       "another version"};
    return stored;
  };
  if (auto stored = TRY(same_is_here())) return std::move(*stored);
  const fs::path folder = fs::path{directory_} / image.name / image.version;
  auto imported = run_idle([&] {
    return imaging::import_files(path, bundle, folder, to_options(transfer, bandwidth_));
  });
  // Somebody else may have imported it meanwhile: then what is there decides.
  if (!imported && imported.error().code() == Errc::conflict)
    if (auto stored = TRY(same_is_here())) return std::move(*stored);
  if (!imported) return std::move(imported).error();
  return host::StoredImage{image, folder};
}

Result<void> LocalImages::verify(const ImageRef& ref, const host::Transfer& transfer) const {
  const auto stored = TRY(find(ref));
  if (!stored)
    return Error{Errc::not_found, "image " + ref.name + " " + ref.version + " is not on this host"};
  const auto options = to_options(transfer, bandwidth_);
  TRY(run_idle(
      [&] { return imaging::verify_files(stored->directory, files_of(stored->image), options); }));
  for (const ImageDisk& disk : stored->image.disks) {
    const auto source = TRY(to_source(*stored, disk));
    TRY(imaging::verify(source, options));
  }
  return ok();
}

}  // namespace holdfast::local
