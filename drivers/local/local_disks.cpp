// SPDX-License-Identifier: Apache-2.0
#include "drivers/local/local_disks.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/unique_fd.hpp"
#include "drivers/local/disk_copy.hpp"
#include "drivers/local/local_transfer.hpp"
#include "drivers/local/seed_iso.hpp"
#include "imaging/image.hpp"
#include "imaging/posix.hpp"

namespace holdfast::local {
namespace {

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Result<void> sync_folder(const std::string& folder) {
  const UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) return posix_error(errno, "sync " + folder);
  return ok();
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

bool is_qcow2(int fd) {
  std::array<char, 4> magic{};
  return ::pread(fd, magic.data(), magic.size(), 0) == 4 &&
         std::string_view{magic.data(), 4} == std::string_view{"QFI\xfb", 4};
}

}  // namespace

Result<std::string> LocalDisks::path_of(const std::string& target, const Uuid& uuid,
                                        const std::string& disk) const {
  const auto known = targets_.find(target);
  if (known == targets_.end()) {
    std::string names;
    for (const auto& [name, directory] : targets_) names += (names.empty() ? "" : ", ") + name;
    return Error{Errc::invalid, "this host has no storage target " + target + "; it has " + names +
                                    " (agent.yaml: targets)"};
  }
  if (!is_plain_name(disk)) return Error{Errc::invalid, "'" + disk + "' cannot name a disk"};
  // A seed names its own form; every other file is a raw disk.
  const std::string suffix = disk.ends_with(".iso") ? "" : ".raw";
  return known->second + "/" + to_string(uuid) + "/" + disk + suffix;
}

Result<Uuid> LocalDisks::owner_of(const std::string& path) const {
  for (const auto& [name, directory] : targets_) {
    if (!path.starts_with(directory + "/")) continue;
    const std::string_view rest = std::string_view{path}.substr(directory.size() + 1);
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos || !is_plain_name(rest.substr(slash + 1))) continue;
    if (auto uuid = Uuid::parse(rest.substr(0, slash))) return *uuid;
  }
  return Error{Errc::denied, path + " is not in a guest's folder on any storage target"};
}

// The target itself must be there; only the guest's own folder is made.
Result<void> LocalDisks::make_folder(const std::string& path) const {
  TRY(owner_of(path));
  const std::string folder = folder_of(path);
  const bool is_made = ::mkdir(folder.c_str(), 0711) == 0;
  if (is_made || errno == EEXIST) {
    // Whatever our umask is: QEMU runs as somebody else and has to get at the disks in it.
    if (::chmod(folder.c_str(), 0711) != 0) return posix_error(errno, "set the mode of " + folder);
    return is_made ? sync_folder(folder_of(folder)) : ok();
  }
  if (errno == ENOENT)
    return Error{Errc::unavailable,
                 "storage target directory " + folder_of(folder) + " is not there; is it mounted?"};
  return posix_error(errno, "create " + folder);
}

Result<void> LocalDisks::restore(const ImageRef& image, const std::string& image_disk,
                                 const std::string& path, const host::Transfer& transfer) {
  TRY(make_folder(path));
  const auto stored = TRY(images_.find(image));
  if (!stored)
    return Error{Errc::not_found,
                 "image " + image.name + " " + image.version +
                     " is not on this host; bring it with `holdfast image import`"};
  const auto& disks = stored->image.disks;
  const auto disk = std::find_if(disks.begin(), disks.end(),
                                 [&](const ImageDisk& d) { return d.name == image_disk; });
  if (disk == disks.end())
    return Error{Errc::not_found,
                 "image " + image.name + " " + image.version + " has no disk named " + image_disk};
  const auto source = TRY(to_source(*stored, *disk));
  auto options = to_options(transfer, bandwidth_);
  options.keeps_partial = true;  // the next start goes on from there; remove() takes it away
  TRY(imaging::restore(source, path, options));
  return ok();
}

// Made beside its name and renamed: a name always stands for a whole, durable file.
Result<void> LocalDisks::create_blank(const std::string& path, Bytes size) {
  TRY(make_folder(path));
  if (::access(path.c_str(), F_OK) == 0) return Error{Errc::conflict, path + " exists already"};
  const std::string partial = path + ".partial";
  const UniqueFd fd{
      ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd) return posix_error(errno, "create " + partial);
  const auto made = [&]() -> Result<void> {
    if (::ftruncate(fd.get(), static_cast<off_t>(size.value)) != 0)
      return posix_error(errno, "set the size of " + partial);
    if (::fsync(fd.get()) != 0) return posix_error(errno, "sync " + partial);
    // link() refuses to replace what appeared meanwhile; rename() would not.
    if (::link(partial.c_str(), path.c_str()) != 0) return posix_error(errno, "create " + path);
    return ok();
  }();
  ::unlink(partial.c_str());
  TRY(made);
  return sync_folder(folder_of(path));
}

Result<void> LocalDisks::grow(const std::string& path, Bytes size) {
  TRY(owner_of(path));
  const UniqueFd fd{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) return posix_error(errno, "open " + path);
  if (is_qcow2(fd.get())) return grow_overlay(path, size);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return posix_error(errno, "read " + path);
  const Bytes now{static_cast<std::uint64_t>(info.st_size)};
  if (now > size)
    return Error{Errc::invalid, path + " is " + to_string(now) + ", more than " + to_string(size) +
                                    "; a disk is never shrunk"};
  if (::ftruncate(fd.get(), static_cast<off_t>(size.value)) != 0)
    return posix_error(errno, "grow " + path);
  if (::fsync(fd.get()) != 0) return posix_error(errno, "sync " + path);
  return ok();
}

Result<std::optional<host::DiskFacts>> LocalDisks::find(const std::string& path) const {
  using Found = std::optional<host::DiskFacts>;
  TRY(owner_of(path));
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd && errno == ENOENT) {
    // The target itself must answer: an unmounted disk is not an absent one.
    const std::string target = folder_of(folder_of(path));
    if (::access(target.c_str(), F_OK) != 0)
      return Error{Errc::unavailable,
                   "storage target directory " + target + " is not there; is it mounted?"};
    return Found{};
  }
  if (!fd) return posix_error(errno, "open " + path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return posix_error(errno, "read " + path);
  host::DiskFacts facts{.size = Bytes{static_cast<std::uint64_t>(info.st_size)},
                        .allocated = Bytes{static_cast<std::uint64_t>(info.st_blocks) * 512}};
  if (is_qcow2(fd.get())) {
    const auto described = TRY(overlay_size(path));
    facts.size = described;
  }
  return Found{facts};
}

Result<void> LocalDisks::write_seed(const std::string& path, const host::Seed& seed) {
  TRY(make_folder(path));
  TRY(write_seed_iso(seed, path));
  return sync_folder(folder_of(path));
}

Result<void> LocalDisks::copy(const host::CopySource& source, const std::string& path, Bytes size,
                              const host::Transfer& transfer) {
  TRY(owner_of(source.path));
  TRY(make_folder(path));
  if (::access(path.c_str(), F_OK) == 0) return Error{Errc::conflict, path + " exists already"};
  TRY(run_idle([&] { return copy_disk(source, path, size, transfer, bandwidth_); }));
  return sync_folder(folder_of(path));
}

Result<void> LocalDisks::remove(gate::Permit permit, const std::string& path) {
  const Uuid uuid = TRY(owner_of(path));
  TRY(permit.covers(uuid));
  switch (permit.verb()) {
    case gate::Verb::remove_unfinished:
    case gate::Verb::remove_scratch:
    case gate::Verb::free_tombstone:
    case gate::Verb::free_set_aside:
    case gate::Verb::move_disk:
    case gate::Verb::remove_volume: break;
    default:
      return Error{Errc::denied, "a permit to " + std::string{gate::to_string(permit.verb())} +
                                     " does not remove files"};
  }
  const std::string folder = folder_of(path);
  for (const std::string& file : {path, path + ".partial"})
    if (::unlink(file.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
      return posix_error(errno, "remove " + file);
  if (::rmdir(folder.c_str()) == 0) return sync_folder(folder_of(folder));
  if (errno == ENOENT) return ok();
  return sync_folder(folder);
}

}  // namespace holdfast::local
