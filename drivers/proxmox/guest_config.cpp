// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/guest_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "base/sha256.hpp"
#include "drivers/proxmox/property.hpp"

namespace holdfast::proxmox {
namespace {

constexpr std::string_view path_prefix = "proxmox:";
constexpr std::string_view aside_prefix = "aside/";  // no name of a disk has a slash
constexpr std::string_view mounts = "/srv/";
constexpr std::array<std::string_view, 4> buses{"scsi", "virtio", "sata", "ide"};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// "%3A" -> ":", as the description stands in a saved configuration.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    const bool is_code = text[i] == '%' && i + 2 < text.size() &&
                         std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    out += is_code ? static_cast<char>(byte) : text[i];
    if (is_code) i += 2;
  }
  return out;
}

// The number behind `prefix`, as in "net0"; nothing for another key.
std::optional<unsigned> index_of(std::string_view key, std::string_view prefix) {
  if (!key.starts_with(prefix) || key.size() == prefix.size() || key.size() > prefix.size() + 3)
    return std::nullopt;
  unsigned index = 0;
  for (const char c : key.substr(prefix.size())) {
    if (c < '0' || c > '9') return std::nullopt;
    index = index * 10 + static_cast<unsigned>(c - '0');
  }
  return index;
}

// Keys like net0, net1 in the order of their numbers.
std::map<unsigned, std::string> numbered(const Config& config, std::string_view prefix) {
  std::map<unsigned, std::string> found;
  for (const auto& [key, value] : config.values)
    if (const auto index = index_of(key, prefix)) found[*index] = value;
  return found;
}

std::string target_of(const Options& options, const std::string& storage) {
  for (const auto& [target, known] : options.storages)
    if (known == storage) return target;
  return storage;
}

Volume volume_of(const std::string& key, const Property& property, const Options& options,
                 const Uuid& uuid, const std::string& name) {
  Volume volume;
  volume.key = key;
  volume.id = volume_id(to_string(property));
  volume.storage = volume.id.substr(0, volume.id.find(':'));
  const std::string target = target_of(options, volume.storage);
  volume.disk = {name, target, disk_path(target, uuid, name), "raw",
                 parse_size(property.get("size")).value_or(Bytes{})};
  return volume;
}

std::vector<Volume> container_volumes(const Config& config, const Options& options,
                                      const Uuid& uuid) {
  std::vector<Volume> volumes;
  volumes.push_back(
      volume_of("rootfs", parse_property(config.get("rootfs")), options, uuid, "root"));
  for (const auto& [index, value] : numbered(config, "mp")) {
    const Property property = parse_property(value);
    if (property.get("").starts_with('/')) continue;  // a folder of the node; root's business
    const std::string key = "mp" + std::to_string(index);
    const std::string where = property.get("mp");
    const bool is_named = where.starts_with(mounts) && where != mount_path("root") &&
                          where.find('/', mounts.size()) == std::string::npos;
    volumes.push_back(
        volume_of(key, property, options, uuid, is_named ? where.substr(mounts.size()) : key));
    volumes.back().disk.is_backed_up = property.get("backup") == "1";
  }
  return volumes;
}

// "order=scsi0;ide2;net0" -> "scsi0"; without an order, the first disk.
std::string boot_disk(const Config& config) {
  std::string order = parse_property(config.get("boot")).get("order");
  while (!order.empty()) {
    std::string key = order.substr(0, order.find(';'));
    order.erase(0, std::min(key.size() + 1, order.size()));
    for (const std::string_view bus : buses)
      if (index_of(key, bus) && parse_property(config.get(key)).get("media") != "cdrom") return key;
  }
  return config.get("bootdisk");
}

bool is_disk(const Property& drive) {
  return drive.get("media") != "cdrom" && drive.get("") != "none";
}

std::string name_of(const Property& machine_disk, const std::string& key) {
  std::string serial = machine_disk.get("serial");
  return serial.empty() ? key : serial;
}

std::vector<Volume> machine_volumes(const Config& config, const Options& options,
                                    const Uuid& uuid) {
  std::vector<Volume> volumes;
  std::string root = boot_disk(config);
  for (const std::string_view bus : buses) {
    for (const auto& [index, value] : numbered(config, bus)) {
      const Property property = parse_property(value);
      if (!is_disk(property)) continue;
      const std::string key = std::string{bus} + std::to_string(index);
      if (root.empty()) root = key;
      const std::string name = key == root ? "root" : name_of(property, key);
      Volume volume = volume_of(key, property, options, uuid, name);
      volume.disk.is_backed_up = property.get("backup") != "0";
      volumes.insert(key == root ? volumes.begin() : volumes.end(), std::move(volume));
    }
  }
  return volumes;
}

host::Nic nic_of(Kind kind, const Property& property) {
  host::Nic nic;
  nic.kind = Interface::Kind::bridge;
  nic.source = property.get("bridge");
  nic.is_linked = property.get("link_down") != "1";
  if (kind == Kind::lxc) {
    nic.mac = lower(property.get("hwaddr"));
    return nic;
  }
  // "virtio=BC:24:11:48:D4:A5", or "model=virtio,macaddr=..."
  nic.model = property.get("model");
  nic.mac = lower(property.get("macaddr"));
  if (nic.model.empty() && !property.parts.empty()) {
    nic.model = property.parts.front().first;
    nic.mac = lower(property.parts.front().second);
  }
  return nic;
}

Bytes memory_of(const Config& config) {
  std::string text = config.get("memory");
  if (const std::string current = parse_property(text).get("current"); !current.empty())
    text = current;
  const auto megabytes = parse_size(text.empty() ? "512" : text);
  return Bytes{(megabytes ? megabytes->value : 512) * 1024 * 1024};
}

unsigned whole(const std::string& text, unsigned otherwise) {
  const auto number = parse_size(text);
  return number && number->value <= 1'000'000 ? static_cast<unsigned>(number->value) : otherwise;
}

unsigned cpus_of(const Config& config) {
  if (config.place.kind == Kind::lxc) return whole(config.get("cores"), 0);  // 0: all of them
  return whole(config.get("cores"), 1) * whole(config.get("sockets"), 1);
}

Result<void> check_supported(Kind kind, const host::Shape& wanted) {
  if (wanted.memory.value % (1024 * 1024) != 0)
    return Error{Errc::invalid,
                 "Proxmox gives memory in whole Mi, not " + to_string(wanted.memory)};
  if (kind == Kind::lxc && wanted.memory.value < 16 * 1024 * 1024)
    return Error{Errc::invalid, "a container has at least 16Mi of memory"};
  if (wanted.limits.io_read_bps || wanted.limits.io_write_bps)
    return Error{Errc::invalid,
                 "limits of I/O are not there for guests of Proxmox; only cpuShares is"};
  if (!wanted.seed_path.empty())
    return Error{Errc::invalid, "guests of Proxmox have no seed image"};
  return ok();
}

void set_if_differs(const Config& config, const std::string& key, const std::string& value,
                    Form& form) {
  if (config.get(key) != value) form.emplace_back(key, value);
}

// Of an interface that stays: only what differs is said anew, when that is enough.
std::string amended(Kind kind, Property now, const host::Nic& nic, const std::string& otherwise) {
  now.set("bridge", nic.source);
  now.erase("link_down");
  if (!nic.is_linked) now.set("link_down", "1");
  return nic_of(kind, now) == nic ? to_string(now) : otherwise;
}

// Interfaces that stay keep their place and whatever else was said of them.
Result<void> nic_changes(const Config& config, const std::vector<host::Nic>& wanted, Form& form,
                         std::vector<std::string>& removed) {
  const Kind kind = config.place.kind;
  std::map<std::string, unsigned> present;
  std::map<unsigned, std::string> taken = numbered(config, "net");
  for (const auto& [index, value] : numbered(config, "net")) {
    const host::Nic nic = nic_of(kind, parse_property(value));
    const auto same = std::find_if(wanted.begin(), wanted.end(),
                                   [&](const host::Nic& other) { return other.mac == nic.mac; });
    if (same != wanted.end() && present.emplace(nic.mac, index).second) continue;
    removed.push_back("net" + std::to_string(index));
    taken.erase(index);
  }
  const auto place_of = [&](const host::Nic& nic) {
    const auto known = present.find(nic.mac);
    if (known != present.end()) return known->second;
    unsigned free = 0;
    while (taken.contains(free)) ++free;
    return free;
  };
  for (const host::Nic& nic : wanted) {
    const unsigned index = place_of(nic);
    std::string text = TRY(nic_text(kind, nic, index));
    if (const auto now = taken.find(index); now != taken.end()) {
      const Property said = parse_property(now->second);
      if (nic_of(kind, said) == nic) continue;
      text = amended(kind, said, nic, text);
    }
    taken[index] = text;
    const std::string key = "net" + std::to_string(index);
    std::erase(removed, key);
    form.emplace_back(key, text);
  }
  return ok();
}

}  // namespace

std::string_view to_string(Kind kind) { return kind == Kind::lxc ? "lxc" : "qemu"; }

std::string Config::get(const std::string& key) const {
  const auto found = values.find(key);
  return found == values.end() ? std::string{} : found->second;
}

Config read_config(const Place& place, const Json& data) {
  Config config;
  config.place = place;
  if (!data.is_object()) return config;
  for (const auto& [key, value] : data.items())
    if (!value.is_structured()) config.values[key] = text_of(data, key);
  config.digest = config.get("digest");
  config.lock = config.get("lock");
  config.values.erase("digest");
  return config;
}

Config read_pending(const Place& place, const Json& data, bool is_future) {
  Json merged = Json::object();
  if (!data.is_array()) return read_config(place, merged);
  for (const Json& entry : data) {
    const std::string key = text_of(entry, "key");
    const bool is_going = is_future && number_of(entry, "delete") > 0;
    if (key.empty() || is_going) continue;
    const char* const column = is_future && entry.contains("pending") ? "pending" : "value";
    if (entry.contains(column)) merged[key] = entry[column];
  }
  return read_config(place, merged);
}

Config read_saved(const Place& place, const std::string& text) {
  Json values = Json::object();
  std::string description;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) break;
    if (line.starts_with("#qmdump#")) continue;  // vzdump's own, of where the disks lay
    if (line.starts_with('#')) {
      description += (description.empty() ? "" : "\n") + decoded(line.substr(1));
      continue;
    }
    const auto colon = line.find(": ");
    if (colon != std::string::npos) values[line.substr(0, colon)] = line.substr(colon + 2);
  }
  if (!description.empty()) values["description"] = description;
  return read_config(place, values);
}

Result<std::optional<MarkerText>> own_marker(const Config& config) {
  auto found = TRY(read_marker(config.get("description")));
  if (found && found->vmid != config.place.vmid) return std::optional<MarkerText>{};
  return found;
}

std::vector<Volume> volumes_of(const Config& config, const Options& options, const Uuid& uuid) {
  return config.place.kind == Kind::lxc ? container_volumes(config, options, uuid)
                                        : machine_volumes(config, options, uuid);
}

host::Shape shape_of(const Config& config, const Options& options, const Uuid& uuid) {
  host::Shape shape;
  shape.cpus = cpus_of(config);
  shape.memory = memory_of(config);
  for (Volume& volume : volumes_of(config, options, uuid))
    shape.disks.push_back(std::move(volume.disk));
  for (const auto& [index, value] : numbered(config, "net"))
    shape.nics.push_back(nic_of(config.place.kind, parse_property(value)));
  if (const unsigned shares = whole(config.get("cpuunits"), 0); shares > 0)
    shape.limits.cpu_shares = shares;
  return shape;
}

std::string name_of(const Config& config) {
  return config.get(config.place.kind == Kind::lxc ? "hostname" : "name");
}

std::string mount_path(const std::string& name) { return std::string{mounts} + name; }

std::string disk_path(const std::string& target, const Uuid& uuid, const std::string& name) {
  return std::string{path_prefix} + target + "/" + holdfast::to_string(uuid) + "/" + name;
}

Result<DiskPath> parse_disk_path(const std::string& path) {
  const Error refusal{Errc::invalid, path + " is no disk of a guest of Proxmox"};
  if (!path.starts_with(path_prefix)) return refusal;
  const auto first = path.find('/');
  const auto second = path.find('/', first == std::string::npos ? first : first + 1);
  if (second == std::string::npos) return refusal;
  const auto uuid = Uuid::parse(path.substr(first + 1, second - first - 1));
  if (!uuid) return refusal;
  DiskPath found{path.substr(path_prefix.size(), first - path_prefix.size()),
                 *uuid,
                 path.substr(second + 1),
                 {}};
  if (found.name.starts_with(aside_prefix)) found.volume = found.name.substr(aside_prefix.size());
  return found;
}

std::string aside_path(const Volume& volume, const Uuid& uuid) {
  return disk_path(volume.disk.target, uuid, std::string{aside_prefix} + volume.id);
}

Result<std::string> nic_text(Kind kind, const host::Nic& nic, unsigned index) {
  if (nic.kind != Interface::Kind::bridge)
    return Error{Errc::invalid,
                 "an interface of a Proxmox guest is on a bridge: write {bridge: "
                 "vmbr0}; an SDN vnet is named in the same way"};
  const std::string link = nic.is_linked ? "" : ",link_down=1";
  if (kind == Kind::qemu) return nic.model + "=" + nic.mac + ",bridge=" + nic.source + link;
  if (nic.model != "virtio")
    return Error{Errc::invalid, "the interface of a container has no model, not " + nic.model};
  return "name=eth" + std::to_string(index) + ",bridge=" + nic.source + ",hwaddr=" + nic.mac +
         ",ip=dhcp,type=veth" + link;
}

Result<Form> changes_for(const Config& config, const host::Shape& wanted, const std::string& name) {
  const Kind kind = config.place.kind;
  TRY(check_supported(kind, wanted));
  Form form;
  std::vector<std::string> removed;
  if (name_of(config) != name) form.emplace_back(kind == Kind::lxc ? "hostname" : "name", name);
  if (cpus_of(config) != wanted.cpus) {
    form.emplace_back("cores", std::to_string(wanted.cpus));
    if (kind == Kind::qemu) set_if_differs(config, "sockets", "1", form);
  }
  if (memory_of(config) != wanted.memory)
    form.emplace_back("memory", std::to_string(wanted.memory.value / (1024 * 1024)));
  if (wanted.limits.cpu_shares)
    set_if_differs(config, "cpuunits", std::to_string(*wanted.limits.cpu_shares), form);
  else if (!config.get("cpuunits").empty())
    removed.emplace_back("cpuunits");
  TRY(nic_changes(config, wanted.nics, form, removed));
  std::string names;
  for (const std::string& key : removed) names += (names.empty() ? "" : ",") + key;
  if (!names.empty()) form.emplace_back("delete", names);
  return form;
}

Uuid foreign_uuid(const std::string& node, const Place& place) {
  const Sha256 hash = sha256("holdfast: not ours: " + node + "/" +
                             std::string{to_string(place.kind)} + "/" + std::to_string(place.vmid));
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(hash.begin(), bytes.size(), bytes.begin());
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | 0x80U);  // version 8: of our own making
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | 0x80U);
  return Uuid{bytes};
}

}  // namespace holdfast::proxmox
