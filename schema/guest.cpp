// SPDX-License-Identifier: Apache-2.0
#include "schema/guest.hpp"

#include <limits>

#include "base/sha256.hpp"
#include "schema/limits.hpp"
#include "schema/resource_tables.hpp"

namespace holdfast {

std::string_view to_string(Power power) {
  switch (power) {
    case Power::running: return "Running";
    case Power::stopped: return "Stopped";
    case Power::suspended: return "Suspended";
  }
  return "Unknown";
}

std::string_view to_string(VolumeClass cls) {
  switch (cls) {
    case VolumeClass::hot: return "hot";
    case VolumeClass::bulk: return "bulk";
  }
  return "unknown";
}

std::string_view to_string(VolumeBackup backup) {
  switch (backup) {
    case VolumeBackup::by_policy: return "default";
    case VolumeBackup::none: return "none";
  }
  return "unknown";
}

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp: return "tcp";
    case Protocol::udp: return "udp";
  }
  return "unknown";
}

std::string_view to_string(Interface::Kind kind) {
  switch (kind) {
    case Interface::Kind::bridge: return "bridge";
    case Interface::Kind::network: return "network";
    case Interface::Kind::user: return "user";
  }
  return "unknown";
}

std::string_view to_string(Health::Kind kind) {
  switch (kind) {
    case Health::Kind::tcp: return "tcp";
    case Health::Kind::http: return "http";
  }
  return "unknown";
}

namespace {

using std::chrono::hours;
using std::chrono::seconds;

Codec<std::uint16_t> port_number() {
  return whole_number<std::uint16_t>(1, std::numeric_limits<std::uint16_t>::max());
}

Codec<Bytes> disk_size() { return bytes(limits::disk_min, limits::disk_max); }

const Table<ImageRef>& image_ref_table() {
  static const Table<ImageRef> table{{
      required(field("name", &ImageRef::name, text(dns_label), "The image's metadata.name.")),
      required(field("version", &ImageRef::version, text(version_text))),
  }};
  return table;
}

const Table<RootDisk>& root_disk_table() {
  static const Table<RootDisk> table{{
      required(field("size", &RootDisk::size, disk_size(), "Grows; shrinking is never done.")),
      field("target", &RootDisk::target, text(dns_label), "The storage target it lies on."),
  }};
  return table;
}

const Table<Volume>& volume_table() {
  static const Table<Volume> table{{
      required(field("name", &Volume::name, text(volume_name), "Unique in its guest.")),
      required(field("size", &Volume::size, disk_size(), "Grows; shrinking is never done.")),
      field("class", &Volume::cls, one_of({VolumeClass::hot, VolumeClass::bulk})),
      field("target", &Volume::target, text(dns_label), "The storage target it lies on."),
      field("backup", &Volume::backup, one_of({VolumeBackup::by_policy, VolumeBackup::none}),
            "Whether the guest's backup policy covers it."),
  }};
  return table;
}

// `{bridge: br0}` and `{network: default}`: the key is the kind, the value the source.
Field<Interface> attachment(Interface::Kind kind, const TextForm& form, std::string_view about) {
  const auto codec = text(form);
  return {std::string{to_string(kind)},
          std::string{about},
          false,
          [kind, codec](const Json& json, Interface& interface, Problems& problems) {
            interface.kind = kind;
            codec.read(json, interface.source, problems);
          },
          [kind](const Interface& interface) -> Json {
            return interface.kind == kind ? Json(interface.source) : Json(nullptr);
          },
          codec.schema};
}

Field<Interface> user_mode() {
  return {std::string{to_string(Interface::Kind::user)},
          "User-mode networking: outgoing connections only.",
          false,
          [](const Json& json, Interface& interface, Problems& problems) {
            if (json != true) return problems.expected(json, "true, or leave the field out");
            interface.kind = Interface::Kind::user;
          },
          [](const Interface& interface) -> Json {
            return interface.kind == Interface::Kind::user ? Json(true) : Json(nullptr);
          },
          {{"const", true}}};
}

void expect_one_attachment(const Json& json, Problems& problems) {
  const auto found = json.count("bridge") + json.count("network") + json.count("user");
  if (found != 1)
    problems.add("found " + std::to_string(found) +
                 " of bridge, network and user, expected exactly one");
}

const Table<Interface>& interface_table() {
  static const Json exactly_one = {
      {"oneOf",
       {{{"required", {"bridge"}}}, {{"required", {"network"}}}, {{"required", {"user"}}}}}};
  static const Table<Interface> table{
      {
          {"name",
           "Unique in its guest; net0, net1, ... by position when left out. The MAC "
           "address is remembered under it.",
           false,
           [](const Json& json, Interface& interface, Problems& problems) {
             text(dns_label).read(json, interface.name, problems);
           },
           [](const Interface& interface) -> Json {
             return interface.name.empty() ? Json(nullptr) : Json(interface.name);
           },
           text(dns_label).schema},
          attachment(Interface::Kind::bridge, bridge_name, "A bridge of the host."),
          attachment(Interface::Kind::network, network_name, "A network of the provider."),
          user_mode(),
          field("model", &Interface::model, text(device_model), "The device the guest sees."),
      },
      {},
      expect_one_attachment,
      exactly_one};
  return table;
}

Codec<std::optional<std::uint16_t>> host_port() {
  const auto number = port_number();
  return {[number](const Json& json, std::optional<std::uint16_t>& port, Problems& problems) {
            port.reset();
            if (json == "auto") return;
            if (json.is_string()) return problems.expected(json, "auto or a port number");
            number.read(json, port.emplace(), problems);
          },
          [](const std::optional<std::uint16_t>& port) -> Json {
            return port ? Json(*port) : Json("auto");
          },
          {{"oneOf", {{{"const", "auto"}}, number.schema}}}};
}

const Table<Port>& port_table() {
  static const Table<Port> table{{
      required(field("protocol", &Port::protocol, one_of({Protocol::tcp, Protocol::udp}))),
      required(field("guestPort", &Port::guest_port, port_number())),
      field("hostPort", &Port::host_port, host_port(), "auto: chosen once and remembered."),
  }};
  return table;
}

const Table<Limits>& limits_table() {
  const auto bps = maybe(bytes(limits::bps_min, limits::bps_max));
  static const Table<Limits> table{{
      field("cpuShares", &Limits::cpu_shares,
            maybe(whole_number<std::uint32_t>(limits::cpu_shares_min, limits::cpu_shares_max)),
            "Weight against other guests; 1024 is usual."),
      field("ioReadBps", &Limits::io_read_bps, bps, "Bytes per second, over all disks."),
      field("ioWriteBps", &Limits::io_write_bps, bps, "Bytes per second, over all disks."),
  }};
  return table;
}

const Table<Bootstrap>& bootstrap_table() {
  static const Table<Bootstrap> table{{
      field("userData", &Bootstrap::user_data,
            text_or_mapping("#cloud-config\n", limits::user_data_bytes),
            "cloud-init user data: text as it is, or a cloud-config mapping."),
      field("networkConfig", &Bootstrap::network_config, text_or_mapping("", limits::string_bytes),
            "cloud-init network configuration."),
  }};
  return table;
}

const Table<Health>& health_table() {
  static const Json path_for_http_only = {{"if", {{"properties", {{"kind", {{"const", "tcp"}}}}}}},
                                          {"then", {{"properties", {{"path", {{"const", "/"}}}}}}}};
  static const Table<Health> table{
      {
          required(field("kind", &Health::kind, one_of({Health::Kind::tcp, Health::Kind::http}))),
          required(field("port", &Health::port, port_number(), "In the guest.")),
          field("path", &Health::path, text(url_path), "For http."),
          field("timeout", &Health::timeout, duration(seconds{1}, hours{1}),
                "How long a check may take to succeed."),
      },
      [](Health& health, Problems& problems) {
        if (health.kind == Health::Kind::tcp && health.path != "/")
          problems.add("found a path with kind tcp, expected one with http only");
      },
      {},
      path_for_http_only};
  return table;
}

const Table<GuestSpec>& backup_table() {
  static const Table<GuestSpec> table{{
      required(field("policy", &GuestSpec::backup_policy, maybe(text(dns_label)),
                     "The BackupPolicy's metadata.name.")),
  }};
  return table;
}

void finish_spec(GuestSpec& spec, Problems& problems) {
  for (std::size_t i = 0; i < spec.interfaces.size(); ++i)
    if (spec.interfaces[i].name.empty()) spec.interfaces[i].name = "net" + std::to_string(i);
  const auto name_of = [](const auto& item) { return item.name; };
  {
    const Problems::Step step{problems, "volumes"};
    refuse_twins(spec.volumes, "volume", name_of, problems);
  }
  {
    const Problems::Step step{problems, "interfaces"};
    refuse_twins(spec.interfaces, "interface", name_of, problems);
  }
  const auto protocol_and = [](const Port& port, std::uint16_t number) {
    return std::string{to_string(port.protocol)} + "/" + std::to_string(number);
  };
  const Problems::Step step{problems, "ports"};
  refuse_twins(
      spec.ports, "guest port",
      [&](const Port& port) { return protocol_and(port, port.guest_port); }, problems);
  refuse_twins(
      spec.ports, "host port",
      [&](const Port& port) {
        return port.host_port ? protocol_and(port, *port.host_port) : std::string{};
      },
      problems);
}

const Table<GuestSpec>& spec_table() {
  static const Table<GuestSpec> table{
      {
          field("provider", &GuestSpec::provider, text(dns_label),
                "libvirt, proxmox, or the name of a plugin."),
          field("power", &GuestSpec::power,
                one_of({Power::running, Power::stopped, Power::suspended})),
          required(field("image", &GuestSpec::image, object(image_ref_table()),
                         "The golden image it is born from.")),
          field("cpus", &GuestSpec::cpus, cpu_count(limits::cpus_min, limits::cpus_max)),
          required(
              field("memory", &GuestSpec::memory, bytes(limits::memory_min, limits::memory_max))),
          required(field("rootDisk", &GuestSpec::root_disk, object(root_disk_table()))),
          field("volumes", &GuestSpec::volumes,
                list_of(object(volume_table()), {0, limits::volumes})),
          field("interfaces", &GuestSpec::interfaces,
                list_of(object(interface_table()), {0, limits::interfaces})),
          field("ports", &GuestSpec::ports, list_of(object(port_table()), {0, limits::ports}),
                "Ports of the host that lead to the guest."),
          field("limits", &GuestSpec::limits, object(limits_table())),
          field("bootstrap", &GuestSpec::bootstrap, object(bootstrap_table()),
                "What cloud-init is told at first boot."),
          field("health", &GuestSpec::health, maybe(object(health_table()))),
          section("backup", backup_table()),
          field("stopTimeout", &GuestSpec::stop_timeout, duration(seconds{1}, hours{24}),
                "How long a graceful stop may take before it is escalated."),
      },
      finish_spec};
  return table;
}

}  // namespace

const Table<Guest>& guest_table() {
  static const auto metadata = metadata_table<Guest>(dns_label);
  static const Table<Guest> table{{
      fixed<Guest>("apiVersion", api_version),
      fixed<Guest>("kind", "Guest"),
      required(section("metadata", metadata)),
      required(field("spec", &Guest::spec, object(spec_table()))),
  }};
  return table;
}

Result<Guest> parse_guest(std::string_view text, std::string_view source_name) {
  return parse_one(guest_table(), text, source_name);
}

std::string to_canonical_json(const Guest& guest) { return guest_table().print(guest).dump(); }
std::string to_yaml(const Guest& guest) { return yaml_of(guest_table().print(guest)); }
std::string digest(const Guest& guest) { return digest_of(to_canonical_json(guest)); }

bool is_guest_name(std::string_view text) { return dns_label.matches(text); }

}  // namespace holdfast
