// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "base/sha256.hpp"
#include "tests/sim/sim_ports.hpp"

namespace holdfast::sim {
namespace {

using gate::Verb;

const std::string partial_suffix = ".partial";

// A transfer in chunks, as its caller sees it.
Result<void> transfer_bytes(const host::Transfer& transfer, Bytes total) {
  constexpr std::uint64_t chunks = 4;
  for (std::uint64_t chunk = 1; chunk <= chunks; ++chunk) {
    if (transfer.stop.stop_requested()) return Error{Errc::unavailable, "stopped on request"};
    if (transfer.on_progress) transfer.on_progress({total.value / chunks * chunk, total.value});
  }
  return ok();
}

const ImageDisk* find_image_disk(const Image& image, const std::string& name) {
  for (const ImageDisk& disk : image.disks) {
    if (disk.name == name) return &disk;
  }
  return nullptr;
}

// What a call on `path` is about: its guest, or nobody when the path makes no sense.
Uuid owner_of(const SimWorld& world, const std::string& path) {
  const auto parsed = parse_path(world, path);
  return parsed ? parsed->owner : Uuid{};
}

Result<void> ensure_absent(const SimWorld& world, const std::string& path) {
  if (world.files.count(path) == 0) return ok();
  return Error{Errc::conflict, path + " exists"};
}

}  // namespace

Result<SimPath> parse_path(const SimWorld& world, const std::string& path) {
  constexpr std::size_t uuid_length = 36;
  for (const auto& [name, target] : world.targets) {
    const std::string prefix = target.path + "/";
    if (path.compare(0, prefix.size(), prefix) != 0) continue;
    auto owner = Uuid::parse(path.substr(prefix.size(), uuid_length));
    const std::size_t slash = prefix.size() + uuid_length;
    if (!owner || path.size() <= slash + 1 || path[slash] != '/') break;
    if (!target.is_present) return Error{Errc::unavailable, "target " + name + " is not there"};
    return SimPath{&target, *owner};
  }
  return Error{Errc::denied, path + " is in no guest's folder of a storage target"};
}

Result<void> ensure_space(const SimWorld& world, const std::string& path) {
  const SimPath parsed = TRY(parse_path(world, path));
  if (parsed.target->is_full) return Error{Errc::exhausted, "no space left on device"};
  return ok();
}

Result<std::string> SimDisks::path_of(const std::string& target, const Uuid& uuid,
                                      const std::string& disk) const {
  const std::lock_guard<std::recursive_mutex> lock{core_.mutex};
  const auto found = core_.world.targets.find(target);
  if (found == core_.world.targets.end()) return Error{Errc::invalid, "no target " + target};
  if (disk.empty() || disk.find('/') != std::string::npos) {
    return Error{Errc::invalid, "'" + disk + "' cannot name a disk"};
  }
  const bool is_seed = disk.size() > 4 && disk.compare(disk.size() - 4, 4, ".iso") == 0;
  return found->second.path + "/" + to_string(uuid) + "/" + disk + (is_seed ? "" : ".raw");
}

Result<void> SimDisks::restore(const ImageRef& image, const std::string& image_disk,
                               const std::string& path, const host::Transfer& transfer) {
  SimWorld& world = core_.world;
  return core_.change(Call::restore, owner_of(world, path), [&]() -> Result<void> {
    const SimPath parsed = TRY(parse_path(world, path));
    TRY(ensure_absent(world, path));
    const SimImage* stored = world.image(image);
    if (stored == nullptr || core_.faults.strikes(FaultKind::image_gone, Call::restore)) {
      return Error{Errc::not_found, "no image " + image.name + "/" + image.version};
    }
    const ImageDisk* source = find_image_disk(stored->stored.image, image_disk);
    if (source == nullptr) return Error{Errc::not_found, "the image has no disk " + image_disk};
    TRY(ensure_space(world, path));

    SimFile restored;
    restored.size = source->virtual_size;
    restored.content = "image " + image.name + "/" + image.version + " " + image_disk;
    restored.owner = parsed.owner;
    restored.is_partial = true;
    world.files[path + partial_suffix] = restored;
    core_.crash.point("restore half done");
    auto moved = transfer_bytes(transfer, source->virtual_size);
    if (moved && stored->is_corrupt) {
      moved = Error{Errc::corrupt, "the content does not have the image's SHA-256"};
    }
    world.files.erase(path + partial_suffix);
    TRY(std::move(moved));
    restored.is_partial = false;
    world.files[path] = std::move(restored);
    world.touch_owner(parsed.owner);
    return ok();
  });
}

Result<void> SimDisks::create_blank(const std::string& path, Bytes size) {
  SimWorld& world = core_.world;
  return core_.change(Call::create_blank, owner_of(world, path), [&]() -> Result<void> {
    const SimPath parsed = TRY(parse_path(world, path));
    if (size.value == 0) return Error{Errc::invalid, "a disk needs a size"};
    TRY(ensure_absent(world, path));
    TRY(ensure_space(world, path));
    SimFile blank;
    blank.size = size;
    blank.content = "zeros";
    blank.owner = parsed.owner;
    world.files[path] = std::move(blank);
    world.touch_owner(parsed.owner);
    return ok();
  });
}

Result<void> SimDisks::grow(const std::string& path, Bytes size) {
  SimWorld& world = core_.world;
  return core_.change(Call::grow_file, owner_of(world, path), [&]() -> Result<void> {
    const SimPath parsed = TRY(parse_path(world, path));
    const auto file = world.files.find(path);
    if (file == world.files.end()) return Error{Errc::not_found, path + " does not exist"};
    if (file->second.size > size) return Error{Errc::invalid, path + " is larger already"};
    if (file->second.size == size) return ok();
    TRY(ensure_space(world, path));
    file->second.size = size;
    world.touch_owner(parsed.owner);
    return ok();
  });
}

Result<std::optional<host::DiskFacts>> SimDisks::find(const std::string& path) const {
  using Answer = Result<std::optional<host::DiskFacts>>;
  return core_.read<Answer>(Call::find_disk, [&]() -> Answer {
    TRY(parse_path(core_.world, path));
    const auto file = core_.world.files.find(path);
    if (file == core_.world.files.end()) return std::optional<host::DiskFacts>{};
    const bool is_blank = file->second.content == "zeros" && file->second.customer.empty();
    return std::optional{host::DiskFacts{file->second.size, is_blank ? Bytes{} : mebibytes(1)}};
  });
}

Result<void> SimDisks::write_seed(const std::string& path, const host::Seed& seed) {
  SimWorld& world = core_.world;
  return core_.change(Call::write_seed, owner_of(world, path), [&]() -> Result<void> {
    const SimPath parsed = TRY(parse_path(world, path));
    const std::string content = "seed " + digest_of(seed.meta_data + '\0' + seed.user_data + '\0' +
                                                    seed.vendor_data + '\0' + seed.network_config);
    const auto present = world.files.find(path);
    if (present != world.files.end()) {
      if (present->second.content.compare(0, 5, "seed ") != 0) {
        return Error{Errc::conflict, path + " is not a seed"};
      }
      if (present->second.content == content) return ok();
    }
    TRY(ensure_space(world, path));
    SimFile written;
    written.size = kibibytes(376);
    written.content = content;
    written.owner = parsed.owner;
    world.files[path] = std::move(written);
    world.touch_owner(parsed.owner);
    return ok();
  });
}

Result<void> SimDisks::remove(gate::Permit permit, const std::string& path) {
  const gate::Permit once{std::move(permit)};
  SimWorld& world = core_.world;
  return core_.change(Call::remove_file, owner_of(world, path), [&]() -> Result<void> {
    const SimPath parsed = TRY(parse_path(world, path));
    const auto file = world.files.find(path);
    const bool is_there = file != world.files.end();
    const auto verbs = {Verb::remove_unfinished, Verb::remove_scratch, Verb::free_tombstone,
                        Verb::remove_volume,     Verb::move_disk,      Verb::free_set_aside};
    const Destruction what{Call::remove_file, parsed.owner, std::nullopt, path};
    if (!is_there && world.files.count(path + partial_suffix) == 0) {
      return core_.examine(once, what, verbs);
    }
    TRY(core_.check(once, what, verbs));
    const SimDomain* owner = world.domain(parsed.owner);
    if (owner != nullptr && owner->live) {
      for (const host::Disk& disk : owner->live->disks) {
        if (disk.path == path) core_.offend("removed " + path + " under a running guest");
      }
    }
    const std::set<Token> held = is_there ? file->second.customer : std::set<Token>{};
    world.files.erase(path);
    world.files.erase(path + partial_suffix);
    if (world.destroyed.back().is_signed) world.forget_marks(world.nowhere(held));
    world.touch_owner(parsed.owner);
    return ok();
  });
}

Result<void> SimDisks::copy(const host::CopySource& source, const std::string& path, Bytes size,
                            const host::Transfer& transfer) {
  SimWorld& world = core_.world;
  return core_.change(Call::copy_disk, owner_of(world, path), [&]() -> Result<void> {
    const SimPath parsed = TRY(parse_path(world, path));
    TRY(ensure_absent(world, path));
    TRY(ensure_space(world, path));
    const auto from = world.files.find(source.path);
    if (from == world.files.end()) return Error{Errc::not_found, source.path + " does not exist"};
    if (from->second.backing.empty() != (source.format == "raw"))
      return Error{Errc::invalid, source.path + " is not " + source.format};
    SimFile made = from->second;
    for (std::string below = made.backing; !below.empty(); below = world.files.at(below).backing)
      made.content = world.files.at(below).content;
    made.backing.clear();
    made.size = size;
    made.owner = parsed.owner;
    made.is_partial = true;
    made.customer.clear();  // of a half-written copy nobody expects anything
    world.files[path + partial_suffix] = made;
    core_.crash.point("copy half done");
    auto moved = transfer_bytes(transfer, size);
    world.files.erase(path + partial_suffix);
    TRY(std::move(moved));
    made.is_partial = false;
    made.customer = world.data_on(source.path);
    world.files[path] = std::move(made);
    world.touch_owner(parsed.owner);
    return ok();
  });
}

Result<std::optional<host::StoredImage>> SimImages::find(const ImageRef& image) const {
  using Answer = Result<std::optional<host::StoredImage>>;
  return core_.read<Answer>(Call::find_image, [&]() -> Answer {
    const SimImage* found = core_.world.image(image);
    if (found == nullptr) return std::optional<host::StoredImage>{};
    return std::optional{found->stored};
  });
}

Result<std::vector<host::StoredImage>> SimImages::list() const {
  using Answer = Result<std::vector<host::StoredImage>>;
  return core_.read<Answer>(Call::list_images, [&]() -> Answer {
    std::vector<host::StoredImage> all;
    for (const SimImage& image : core_.world.images) all.push_back(image.stored);
    return all;
  });
}

Result<host::StoredImage> SimImages::import(const std::string& path,
                                            const host::Transfer& transfer) {
  using Answer = Result<host::StoredImage>;
  return core_.change(Call::import_image, Uuid{}, [&]() -> Answer {
    SimWorld& world = core_.world;
    const auto source = world.importable.find(path);
    if (source == world.importable.end()) return Error{Errc::not_found, "no image at " + path};
    const Image& image = source->second;
    if (const SimImage* present = world.image({image.name, image.version})) {
      if (present->stored.image == image) return present->stored;
      return Error{Errc::conflict, image.name + "/" + image.version + " has other content"};
    }
    for (const ImageDisk& disk : image.disks) TRY(transfer_bytes(transfer, disk.virtual_size));
    SimImage stored;
    stored.stored = {image, "/sim/images/" + image.name + "/" + image.version};
    world.images.push_back(stored);
    return stored.stored;
  });
}

Result<void> SimImages::verify(const ImageRef& image, const host::Transfer& transfer) const {
  return core_.read<Result<void>>(Call::verify_image, [&]() -> Result<void> {
    const SimImage* found = core_.world.image(image);
    if (found == nullptr) {
      return Error{Errc::not_found, "no image " + image.name + "/" + image.version};
    }
    for (const ImageDisk& disk : found->stored.image.disks) {
      TRY(transfer_bytes(transfer, disk.virtual_size));
    }
    if (found->is_corrupt) return Error{Errc::corrupt, "the content does not match image.json"};
    return ok();
  });
}

}  // namespace holdfast::sim
