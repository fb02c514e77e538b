// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <sstream>

#include "drivers/proxmox/ports.hpp"
#include "drivers/proxmox/property.hpp"

namespace holdfast::proxmox {
namespace {

constexpr std::string_view first_word = "holdfast-image";

std::optional<ImageRef> ref_in(const std::string& notes) {
  std::istringstream words{notes.substr(0, notes.find('\n'))};
  std::string word;
  ImageRef ref;
  if (!(words >> word >> ref.name >> ref.version) || word != first_word) return std::nullopt;
  if (words >> word) return std::nullopt;
  return ref;
}

}  // namespace

Result<Config> config_in(const Node& node, const std::string& volid) {
  const Json data = TRY(
      node.client().get(node.path("/vzdump/extractconfig"), {{"volume", volid}}).context(volid));
  if (!data.is_string()) return Error{Errc::corrupt, "archive " + volid + " has no configuration"};
  const auto text = data.get<std::string>();
  const Config container = read_saved({Kind::lxc, 0}, text);
  return container.get("rootfs").empty() ? read_saved({Kind::qemu, 0}, text) : container;
}

Result<Bytes> Images::root_size(const std::string& volid) const {
  {
    auto sizes = sizes_.lock();
    if (const auto known = sizes->find(volid); known != sizes->end()) return known->second;
  }
  const auto volumes = volumes_of(TRY(config_in(node_, volid)), {}, {});
  if (volumes.empty() || volumes.front().disk.size.value == 0)
    return Error{Errc::corrupt, "archive " + volid + " does not say how large its root is"};
  (*sizes_.lock())[volid] = volumes.front().disk.size;
  return volumes.front().disk.size;
}

Result<std::vector<host::StoredImage>> Images::list() const {
  std::set<std::string> storages{node_.options().image_storages.begin(),
                                 node_.options().image_storages.end()};
  if (storages.empty())
    for (const auto& [target, storage] : node_.options().storages) storages.insert(storage);
  std::vector<host::StoredImage> images;
  for (const std::string& storage : storages) {
    const Json data = TRY(node_.client().get(node_.path("/storage/" + storage + "/content"),
                                             {{"content", "backup"}}));
    if (!data.is_array())
      return Error{Errc::unavailable, "the content of " + storage + " is no list"};
    for (const Json& entry : data) {
      const auto ref = ref_in(text_of(entry, "notes"));
      if (!ref) continue;
      host::StoredImage stored;
      stored.directory = text_of(entry, "volid");
      stored.image.name = ref->name;
      stored.image.version = ref->version;
      stored.image.first_boot = FirstBoot::none;
      ImageDisk root;
      root.name = "root";
      root.file = stored.directory.substr(stored.directory.rfind('/') + 1);
      root.virtual_size = TRY(root_size(stored.directory));
      root.file_size = Bytes{static_cast<std::uint64_t>(number_of(entry, "size"))};
      stored.image.disks = {root};
      images.push_back(std::move(stored));
    }
  }
  return images;
}

Result<std::optional<host::StoredImage>> Images::find(const ImageRef& image) const {
  std::optional<host::StoredImage> found;
  for (host::StoredImage& stored : TRY(list())) {
    if (stored.image.name != image.name || stored.image.version != image.version) continue;
    if (found)
      return Error{Errc::corrupt, "archives " + found->directory + " and " + stored.directory +
                                      " both say that they are image " + image.name + " " +
                                      image.version};
    found = std::move(stored);
  }
  return found;
}

Result<host::StoredImage> Images::import(const std::string&, const host::Transfer&) {
  return Error{Errc::invalid,
               "images of Proxmox are vzdump archives: back a guest up there, and write "
               "'holdfast-image NAME VERSION' into the archive's notes"};
}

Result<void> Images::verify(const ImageRef& image, const host::Transfer&) const {
  return Error{Errc::invalid, "Proxmox keeps no hash of archive " + image.name + " " +
                                  image.version + "; its content is checked when it is restored"};
}

}  // namespace holdfast::proxmox
