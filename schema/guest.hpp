// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "schema/quantity.hpp"

namespace holdfast {

enum class Power { running, stopped, suspended };
enum class VolumeClass { hot, bulk };
// Whether the guest's backup policy covers a volume. In files: "default" and "none".
enum class VolumeBackup { by_policy, none };
enum class Protocol { tcp, udp };

// The golden image a guest is born from. Changing it later never replaces a disk by itself.
struct ImageRef {
  std::string name{};
  std::string version{};
  bool operator==(const ImageRef&) const = default;
};

struct RootDisk {
  Bytes size{};
  std::string target = "local";
  bool operator==(const RootDisk&) const = default;
};

// An extra disk. Its name is unique in its guest and never "root".
struct Volume {
  std::string name{};
  Bytes size{};
  VolumeClass cls = VolumeClass::hot;
  std::string target = "local";
  VolumeBackup backup = VolumeBackup::by_policy;
  bool operator==(const Volume&) const = default;
};

// One network interface: `{bridge: br0}`, `{network: default}` or `{user: true}`.
struct Interface {
  enum class Kind { bridge, network, user };
  // Unique in its guest. "net0", "net1", ... by position when the file gives none; the MAC
  // address is remembered under this name, so a named interface keeps it when moved.
  std::string name{};
  Kind kind = Kind::user;
  std::string source{};  // the bridge or libvirt network; empty for user
  std::string model = "virtio";
  bool operator==(const Interface&) const = default;
};

struct Port {
  Protocol protocol = Protocol::tcp;
  std::uint16_t guest_port = 0;
  std::optional<std::uint16_t> host_port{};  // absent: chosen by Holdfast ("auto")
  bool operator==(const Port&) const = default;
};

// Absent means no limit.
struct Limits {
  std::optional<std::uint32_t> cpu_shares{};  // relative weight, 2 to 262144
  std::optional<Bytes> io_read_bps{};         // bytes per second, over all disks
  std::optional<Bytes> io_write_bps{};
  bool operator==(const Limits&) const = default;
};

// What cloud-init is told at first boot. Empty means nothing.
struct Bootstrap {
  // A string is kept as it is; a mapping becomes "#cloud-config\n" and canonical JSON.
  std::string user_data{};
  // A string is kept as it is; a mapping becomes canonical JSON (which is YAML).
  std::string network_config{};
  bool operator==(const Bootstrap&) const = default;
};

struct Health {
  enum class Kind { tcp, http };
  Kind kind = Kind::tcp;
  std::uint16_t port = 0;
  std::string path = "/";  // http only
  Duration timeout = std::chrono::seconds{60};
  bool operator==(const Health&) const = default;
};

struct GuestSpec {
  std::string provider = "libvirt";
  Power power = Power::running;
  ImageRef image{};
  std::uint32_t cpus = 1;
  Bytes memory{};
  RootDisk root_disk{};
  std::vector<Volume> volumes{};
  std::vector<Interface> interfaces{};
  std::vector<Port> ports{};
  Limits limits{};
  Bootstrap bootstrap{};
  std::optional<Health> health{};
  std::optional<std::string> backup_policy{};
  // How long a graceful stop may take before it is escalated.
  Duration stop_timeout = std::chrono::seconds{60};
  bool operator==(const GuestSpec&) const = default;
};

struct Guest {
  std::string name{};  // DNS label
  GuestSpec spec{};
  bool operator==(const Guest&) const = default;
};

// As written in files: "Running", "hot", "default", "tcp", "bridge", "http".
std::string_view to_string(Power power);
std::string_view to_string(VolumeClass cls);
std::string_view to_string(VolumeBackup backup);
std::string_view to_string(Protocol protocol);
std::string_view to_string(Interface::Kind kind);
std::string_view to_string(Health::Kind kind);

// One JSON or YAML Guest, strictly. Errors name `source_name`, the JSON pointer, what was
// found and what was expected (up to ten of them).
Result<Guest> parse_guest(std::string_view text, std::string_view source_name);

// Sorted keys, defaults spelled out, canonical quantities, no whitespace:
// parse_guest(to_canonical_json(g)) == g for every g that was parsed.
std::string to_canonical_json(const Guest& guest);
// The same for people, in YAML.
std::string to_yaml(const Guest& guest);
// digest_of(to_canonical_json(guest)): equal exactly when the desired guests are.
std::string digest(const Guest& guest);

// Whether a guest may be called that: a DNS label.
bool is_guest_name(std::string_view text);

}  // namespace holdfast
