// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/hostile_hub.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

#include "schema/limits.hpp"
#include "tests/sim/seeds.hpp"

namespace holdfast::sim {
namespace {

using nlohmann::json;

constexpr std::uint64_t last_generation = 9'007'199'254'740'991;

void collect(json& node, std::vector<json*>& nodes) {
  nodes.push_back(&node);
  if (!node.is_structured()) return;
  for (json& child : node) collect(child, nodes);
}

json any_value(SeededRandom& random) {
  switch (random.below(12)) {
    case 0: return nullptr;
    case 1: return true;
    case 2: return -1;
    case 3: return 0;
    case 4: return 1e308;
    case 5: return 18'446'744'073'709'551'615U;
    case 6: return "";
    case 7: return "../../etc/passwd";
    case 8: return std::string(300, 'a');
    case 9: return json::array();
    case 10: return json::object();
    default: return "1Ki";
  }
}

}  // namespace

void HostileHub::send(Hub& hub, Time now) {
  ++sent_;
  if (random_.one_in(6)) mood_ = honest_;
  for (auto changes = 1 + random_.below(3); changes > 0; --changes) change_mood();
  const std::uint64_t before = hub.generation();
  std::string text = envelope(hub, now);
  if (random_.one_in(4)) text = corrupt_tree(text);
  if (random_.one_in(12)) text = corrupt_bytes(std::move(text));
  if (is_replay()) std::printf("%s\n", text.c_str());
  auto state = parse_desired_state(text, "hostile hub");
  if (!state) return hub.fail(std::move(state).error());
  // The very last generation would leave an honest hub no number to send.
  if (state->generation > last_generation - 1'000) state->generation = before + 1;
  ++parsed_;
  hub.send({std::move(state).value(), !random_.one_in(8)});
}

std::string HostileHub::envelope(Hub& hub, Time now) {
  std::uint64_t generation = hub.generation() + 1;
  switch (random_.below(16)) {
    case 0: generation = std::max<std::uint64_t>(1, hub.generation()); break;  // forked
    case 1: generation = 1 + random_.below(generation); break;                 // rolled back
    case 2: generation += random_.below(1'000'000); break;
    default: break;
  }
  const std::string host = random_.one_in(24) ? "ffffffffffffffffffffffffffffffff" : hub.host_id();
  return to_canonical_json(with_envelope(mood_, host, generation, now));
}

void HostileHub::change_mood() {
  switch (random_.below(10)) {
    case 0: return spoil_names();
    case 1: return spoil_count();
    case 2: return spoil_host();
    default:
      if (Guest* guest = pick()) spoil(*guest);
      return;
  }
}

Guest* HostileHub::pick() {
  return mood_.guests.empty() ? nullptr : &mood_.guests[random_.below(mood_.guests.size())];
}

Bytes HostileHub::any_size() {
  switch (random_.below(8)) {
    case 0: return limits::disk_min;
    case 1: return limits::disk_max;
    case 2: return Bytes{};
    default: return gibibytes(1 + random_.below(20));
  }
}

std::string HostileHub::pick_name() {
  switch (random_.below(6)) {
    case 0: return "stranger-" + std::to_string(random_.below(4));
    case 1: return "root";
    case 2: return "../acme";
    case 3: return honest_.guests[random_.below(honest_.guests.size())].name;
    default: return "new-" + std::to_string(++made_);
  }
}

void HostileHub::spoil(Guest& guest) {
  if (random_.one_in(2)) return spoil_disks(guest.spec);
  spoil_rest(guest.spec);
}

void HostileHub::spoil_disks(GuestSpec& spec) {
  static const std::vector<std::string> names{"db", "media", "root", "old", "new"};
  static const std::vector<std::string> targets{"local", "nvme", "usb", ""};
  const auto any_of = [&](const std::vector<std::string>& from) {
    return from[random_.below(from.size())];
  };
  Volume* volume =
      spec.volumes.empty() ? nullptr : &spec.volumes[random_.below(spec.volumes.size())];
  switch (random_.below(9)) {
    case 0: spec.root_disk.size = any_size(); return;
    case 1: spec.root_disk.target = any_of(targets); return;
    case 2: spec.volumes.clear(); return;
    case 3: spec.volumes.push_back({any_of(names), any_size()}); return;
    case 4: spec.image.version = random_.one_in(2) ? "2" : "99"; return;
    case 5: spec.image.name = random_.one_in(2) ? "other" : "missing"; return;
    case 6:
      if (volume != nullptr) volume->size = any_size();
      return;
    case 7:
      if (volume != nullptr) volume->name = any_of(names);
      return;
    default:
      if (volume != nullptr) volume->target = any_of(targets);
      return;
  }
}

void HostileHub::spoil_rest(GuestSpec& spec) {
  static const std::vector<std::uint32_t> counts{0, 1, 2, 16, 17, limits::cpus_max, 4'000'000};
  static const std::vector<Bytes> memories{Bytes{}, limits::memory_min, gibibytes(1),
                                           limits::memory_max};
  switch (random_.below(9)) {
    case 0: spec.provider = random_.one_in(2) ? "proxmox" : "libvirt"; return;
    case 1: spec.power = static_cast<Power>(random_.below(3)); return;
    case 2: spec.cpus = counts[random_.below(counts.size())]; return;
    case 3: spec.memory = memories[random_.below(memories.size())]; return;
    case 4: spec.interfaces.clear(); return;
    case 5: {
      const std::string name = "net" + std::to_string(random_.below(4));
      spec.interfaces.push_back({name, Interface::Kind::bridge, "br0", "virtio"});
      return;
    }
    case 6: spec.bootstrap.user_data = "#cloud-config\n" + std::to_string(random_.below(9)); return;
    case 7:
      spec.limits.cpu_shares = static_cast<std::uint32_t>(random_.below(1'000'000));
      spec.limits.io_read_bps = any_size();
      return;
    default:
      spec.stop_timeout = std::chrono::seconds{random_.below(100'000)};
      spec.ports.push_back({Protocol::udp, 53, 53});
      return;
  }
}

void HostileHub::spoil_names() {
  Guest* one = pick();
  Guest* other = pick();
  if (one == nullptr || other == nullptr) return;
  switch (random_.below(4)) {
    case 0: std::swap(one->name, other->name); return;
    case 1: std::swap(one->spec, other->spec); return;
    case 2: one->name = pick_name(); return;
    default: {
      const Guest twin = *one;
      mood_.guests.push_back(twin);
      return;
    }
  }
}

void HostileHub::spoil_count() {
  auto& guests = mood_.guests;
  switch (random_.below(6)) {
    case 0: guests.clear(); return;
    case 1: guests.resize(std::min<std::size_t>(1, guests.size())); return;
    case 2:
    case 3:
      if (!guests.empty())
        guests.erase(guests.begin() + static_cast<long>(random_.below(guests.size())));
      return;
    default: break;
  }
  Guest made = honest_.guests.front();
  const std::size_t many = random_.one_in(20) ? 100 : 1;
  if (many > 1) made.spec.image.version = "99";  // none of these can be made
  for (std::size_t i = 0; i < many; ++i) {
    made.name = pick_name();
    guests.push_back(made);
  }
}

void HostileHub::spoil_host() {
  if (random_.one_in(2)) {
    Image image;
    image.name = honest_.guests.front().spec.image.name;
    image.version = random_.one_in(2) ? "1" : "2";
    ImageDisk disk;
    disk.name = random_.one_in(3) ? "db" : "root";
    disk.file = random_.one_in(3) ? "../../etc/passwd" : "root.raw";
    disk.virtual_size = any_size();
    disk.sha256 = std::string(64, 'f');
    disk.file_sha256 = disk.sha256;
    disk.file_size = disk.virtual_size;
    image.disks.push_back(disk);
    mood_.images.push_back(image);
    return;
  }
  HostConfig config;
  static const std::vector<int> seconds{0, 1, 60, 3'600, 1'000'000};
  config.resync = std::chrono::seconds{seconds[random_.below(seconds.size())]};
  config.workers = static_cast<std::uint32_t>(random_.below(100));
  config.log_level = static_cast<LogLevel>(random_.below(4));
  mood_.host_config = config;
}

// Another shape: values of other types, members gone, doubled or in the wrong place.
std::string HostileHub::corrupt_tree(const std::string& text) {
  json tree = json::parse(text, nullptr, false);
  for (auto changes = 1 + random_.below(3); changes > 0; --changes) {
    std::vector<json*> nodes;
    collect(tree, nodes);
    json& node = *nodes[random_.below(nodes.size())];
    switch (random_.below(4)) {
      case 0:
        if (node.is_array() && !node.empty()) node.push_back(node.front());
        break;
      case 1:
        if (node.is_object() && !node.empty()) node.erase(node.begin());
        break;
      case 2:
        if (node.is_object()) node["extra"] = any_value(random_);
        break;
      default: node = any_value(random_); break;
    }
  }
  return tree.dump();
}

std::string HostileHub::corrupt_bytes(std::string text) {
  if (text.empty()) return text;
  if (random_.one_in(3)) return text.substr(0, random_.below(text.size()));
  for (auto changes = 1 + random_.below(8); changes > 0; --changes)
    text[random_.below(text.size())] = static_cast<char>(random_.below(256));
  return text;
}

}  // namespace holdfast::sim
