// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_json.hpp"

#include <limits>

#include "reconcilers/guest/json_fields.hpp"

namespace holdfast {
namespace {

using nlohmann::json;

template <class T>
json list_of(const std::vector<T>& items) {
  json list = json::array();
  for (const T& item : items) list.push_back(json_of(item));
  return list;
}

Result<Interface::Kind> read_kind(const json& value) {
  for (const auto kind : {Interface::Kind::bridge, Interface::Kind::network, Interface::Kind::user})
    if (value == json(std::string{to_string(kind)})) return kind;
  return Error{Errc::corrupt, "is not a kind of interface"};
}

Result<FirstBoot> read_first_boot(const json& value) {
  for (const auto way : {FirstBoot::nocloud, FirstBoot::kernel_cmdline, FirstBoot::none})
    if (value == json(std::string{to_string(way)})) return way;
  return Error{Errc::corrupt, "is not a way to boot first"};
}

Result<unsigned> read_unsigned(const json& value) {
  if (!value.is_number_unsigned() ||
      value.get<std::uint64_t>() > std::numeric_limits<unsigned>::max())
    return Error{Errc::corrupt, "is not a small whole number"};
  return static_cast<unsigned>(value.get<std::uint64_t>());
}

template <class T>
json optional_number(const std::optional<T>& value) {
  if (!value) return nullptr;
  if constexpr (std::is_same_v<T, Bytes>)
    return value->value;
  else
    return *value;
}

Result<std::optional<Bytes>> read_optional_bytes(const json& value) {
  if (value.is_null()) return std::optional<Bytes>{};
  if (!value.is_number_unsigned()) return Error{Errc::corrupt, "is not a whole number"};
  return std::optional<Bytes>{Bytes{value.get<std::uint64_t>()}};
}

Result<std::optional<std::uint32_t>> read_optional_shares(const json& value) {
  if (value.is_null()) return std::optional<std::uint32_t>{};
  const unsigned number = TRY(read_unsigned(value));
  return std::optional<std::uint32_t>{number};
}

json json_of(const DiskIdentity& disk) {
  return {{"name", disk.name},     {"target", disk.target}, {"path", disk.path},
          {"active", disk.active}, {"format", disk.format}, {"layers", disk.layers}};
}

Result<DiskIdentity> read_disk_identity(const json& value) {
  DiskIdentity disk;
  Fields fields{value};
  fields.text("name", disk.name).text("target", disk.target).text("path", disk.path);
  fields.text("active", disk.active).text("format", disk.format).texts("layers", disk.layers);
  TRY(fields.end("disk"));
  return disk;
}

json json_of(const SetAside& aside) {
  return {{"disk", json_of(aside.disk)},
          {"since", to_string(aside.since)},
          {"witnessed", aside.witnessed.count()},
          {"by", aside.job},
          {"verb", aside.verb}};
}

Result<Duration> read_witnessed(const json& value) {
  if (!value.is_number_unsigned()) return Error{Errc::corrupt, "is no number of milliseconds"};
  return Duration{value.get<std::int64_t>()};
}

Result<SetAside> read_set_aside(const json& value) {
  SetAside aside;
  std::string since;
  Fields fields{value};
  fields.value("disk", aside.disk, read_disk_identity).text("since", since);
  fields.text("by", aside.job).text("verb", aside.verb);
  if (value.contains("witnessed")) fields.value("witnessed", aside.witnessed, read_witnessed);
  TRY(fields.end("disk set aside"));
  aside.since = TRY(parse_time(since));
  return aside;
}

json json_of(const NicIdentity& nic) { return {{"interface", nic.interface}, {"mac", nic.mac}}; }

Result<NicIdentity> read_nic_identity(const json& value) {
  NicIdentity nic;
  Fields fields{value};
  fields.text("interface", nic.interface).text("mac", nic.mac);
  TRY(fields.end("interface"));
  return nic;
}

Result<std::optional<Time>> read_restored(const json& value) {
  if (!value.is_string()) return Error{Errc::corrupt, "is no time"};
  return std::optional{TRY(parse_time(value.get_ref<const std::string&>()))};
}

template <class T>
json identities_of(const std::vector<T>& items) {
  json list = json::array();
  for (const T& item : items) list.push_back(json_of(item));
  return list;
}

}  // namespace

json json_of(const ImageRef& image) { return {{"name", image.name}, {"version", image.version}}; }

Result<ImageRef> read_image_ref(const json& value) {
  ImageRef image;
  Fields fields{value};
  fields.text("name", image.name).text("version", image.version);
  TRY(fields.end("image"));
  return image;
}

json json_of(const host::Disk& disk) {
  json value{{"name", disk.name},
             {"target", disk.target},
             {"path", disk.path},
             {"format", disk.format},
             {"size", disk.size.value}};
  if (!disk.is_backed_up) value["isBackedUp"] = false;
  return value;
}

Result<host::Disk> read_disk(const json& value) {
  host::Disk disk;
  Fields fields{value};
  fields.text("name", disk.name).text("target", disk.target).text("path", disk.path);
  fields.text("format", disk.format).bytes("size", disk.size);
  if (value.is_object() && value.contains("isBackedUp"))
    fields.flag("isBackedUp", disk.is_backed_up);
  TRY(fields.end("disk"));
  return disk;
}

json json_of(const host::Nic& nic) {
  json value{{"mac", nic.mac},
             {"kind", to_string(nic.kind)},
             {"source", nic.source},
             {"model", nic.model}};
  if (!nic.is_linked) value["linked"] = false;  // older journals do not have it
  return value;
}

Result<host::Nic> read_nic(const json& value) {
  host::Nic nic;
  Fields fields{value};
  fields.text("mac", nic.mac).text("source", nic.source).text("model", nic.model);
  fields.value("kind", nic.kind, read_kind);
  if (value.contains("linked")) fields.flag("linked", nic.is_linked);
  TRY(fields.end("interface"));
  return nic;
}

json json_of(const Limits& limits) {
  return {{"cpuShares", optional_number(limits.cpu_shares)},
          {"ioReadBps", optional_number(limits.io_read_bps)},
          {"ioWriteBps", optional_number(limits.io_write_bps)}};
}

Result<Limits> read_limits(const json& value) {
  Limits limits;
  Fields fields{value};
  fields.value("cpuShares", limits.cpu_shares, read_optional_shares);
  fields.value("ioReadBps", limits.io_read_bps, read_optional_bytes);
  fields.value("ioWriteBps", limits.io_write_bps, read_optional_bytes);
  TRY(fields.end("limits"));
  return limits;
}

json json_of(const host::Shape& shape) {
  return {{"cpus", shape.cpus},
          {"memory", shape.memory.value},
          {"disks", list_of(shape.disks)},
          {"nics", list_of(shape.nics)},
          {"limits", json_of(shape.limits)},
          {"seed", shape.seed_path}};
}

Result<host::Shape> read_shape(const json& value) {
  host::Shape shape;
  Fields fields{value};
  fields.value("cpus", shape.cpus, read_unsigned).bytes("memory", shape.memory);
  fields.list("disks", shape.disks, read_disk).list("nics", shape.nics, read_nic);
  fields.value("limits", shape.limits, read_limits).text("seed", shape.seed_path);
  TRY(fields.end("shape"));
  return shape;
}

json json_of(const host::ExecutedJob& job) {
  return {{"id", job.id}, {"expires", to_string(job.expires)}};
}

Result<host::ExecutedJob> read_executed_job(const json& value) {
  host::ExecutedJob job;
  std::string expires;
  Fields fields{value};
  fields.text("id", job.id).text("expires", expires);
  TRY(fields.end("executed job"));
  job.expires = TRY(parse_time(expires));
  return job;
}

json json_of(const host::Marker& marker) {
  return {{"uuid", to_string(marker.uuid)},
          {"incarnation", marker.incarnation.value},
          {"name", marker.name},
          {"hostId", marker.host_id},
          {"provenance", marker.provenance},
          {"image", marker.image},
          {"specDigest", marker.spec_digest},
          {"lastJob", marker.last_job},
          {"jobs", list_of(marker.jobs)},
          {"detail", marker.detail}};
}

Result<host::Marker> read_marker(const json& value) {
  host::Marker marker;
  Fields fields{value};
  fields.uuid("uuid", marker.uuid).number("incarnation", marker.incarnation.value);
  fields.text("name", marker.name).text("hostId", marker.host_id);
  fields.text("provenance", marker.provenance).text("image", marker.image);
  fields.text("specDigest", marker.spec_digest).text("lastJob", marker.last_job);
  fields.text("detail", marker.detail);
  if (value.contains("jobs")) fields.list("jobs", marker.jobs, read_executed_job);
  TRY(fields.end("marker"));
  return marker;
}

json json_of(const host::GuestDefinition& definition) {
  return {{"marker", json_of(definition.marker)}, {"name", definition.name},
          {"shape", json_of(definition.shape)},   {"kernel", definition.kernel},
          {"initrd", definition.initrd},          {"cmdline", definition.cmdline}};
}

Result<host::GuestDefinition> read_definition(const json& value) {
  host::GuestDefinition definition;
  Fields fields{value};
  fields.value("marker", definition.marker, read_marker).text("name", definition.name);
  fields.value("shape", definition.shape, read_shape).text("kernel", definition.kernel);
  fields.text("initrd", definition.initrd).text("cmdline", definition.cmdline);
  TRY(fields.end("definition"));
  return definition;
}

json json_of(const SeedFile& seed) {
  return {{"path", seed.path},
          {"metaData", seed.content.meta_data},
          {"userData", seed.content.user_data},
          {"vendorData", seed.content.vendor_data},
          {"networkConfig", seed.content.network_config}};
}

Result<SeedFile> read_seed(const json& value) {
  SeedFile seed;
  Fields fields{value};
  fields.text("path", seed.path).text("metaData", seed.content.meta_data);
  fields.text("userData", seed.content.user_data).text("vendorData", seed.content.vendor_data);
  fields.text("networkConfig", seed.content.network_config);
  TRY(fields.end("seed"));
  return seed;
}

json json_of(const std::optional<SeedFile>& seed) {
  if (!seed) return nullptr;
  return json_of(*seed);
}

Result<std::optional<SeedFile>> read_optional_seed(const json& value) {
  if (value.is_null()) return std::optional<SeedFile>{};
  return std::optional<SeedFile>{TRY(read_seed(value))};
}

json json_of(const LiveChange& change) {
  struct {
    json operator()(const LiveCpus& c) const { return {{"cpus", c.cpus}}; }
    json operator()(const LiveMemory& c) const { return {{"memory", c.memory.value}}; }
    json operator()(const LiveLimits& c) const { return {{"limits", json_of(c.limits)}}; }
    json operator()(const LiveAttachNic& c) const { return {{"attach", json_of(c.nic)}}; }
    json operator()(const LiveDetachNic& c) const { return {{"detach", c.mac}}; }
  } const visitor;
  return std::visit(visitor, change);
}

Result<LiveChange> read_live_change(const json& value) {
  Fields fields{value};
  LiveChange change{};
  if (value.contains("cpus")) {
    fields.value("cpus", std::get<LiveCpus>(change).cpus, read_unsigned);
  } else if (value.contains("memory")) {
    fields.bytes("memory", change.emplace<LiveMemory>().memory);
  } else if (value.contains("limits")) {
    fields.value("limits", change.emplace<LiveLimits>().limits, read_limits);
  } else if (value.contains("attach")) {
    fields.value("attach", change.emplace<LiveAttachNic>().nic, read_nic);
  } else {
    fields.text("detach", change.emplace<LiveDetachNic>().mac);
  }
  TRY(fields.end("live change"));
  return change;
}

json json_of(const GuestIdentity& identity) {
  json value{{"uuid", to_string(identity.uuid)},
             {"incarnation", identity.incarnation.value},
             {"name", identity.name},
             {"image", json_of(identity.image)},
             {"firstBoot", to_string(identity.first_boot)},
             {"disks", identities_of(identity.disks)},
             {"nics", identities_of(identity.nics)},
             {"kernel", identity.kernel},
             {"initrd", identity.initrd},
             {"cmdline", identity.cmdline},
             {"seeds", identity.seeds},
             {"deferred", identity.deferred},
             {"destroyedSpec", identity.destroyed_spec},
             {"parkedNics", list_of(identity.parked_nics)},
             {"aside", identities_of(identity.aside)}};
  if (identity.restored) value["restored"] = to_string(*identity.restored);
  return value;
}

Result<GuestIdentity> read_identity(const json& value) {
  GuestIdentity identity;
  Fields fields{value};
  fields.uuid("uuid", identity.uuid).number("incarnation", identity.incarnation.value);
  fields.text("name", identity.name).value("image", identity.image, read_image_ref);
  fields.value("firstBoot", identity.first_boot, read_first_boot);
  fields.list("disks", identity.disks, read_disk_identity);
  fields.list("nics", identity.nics, read_nic_identity);
  fields.text("kernel", identity.kernel).text("initrd", identity.initrd);
  fields.text("cmdline", identity.cmdline).texts("seeds", identity.seeds);
  fields.texts("deferred", identity.deferred);
  fields.text("destroyedSpec", identity.destroyed_spec);
  fields.list("parkedNics", identity.parked_nics, read_nic);
  if (value.contains("aside")) fields.list("aside", identity.aside, read_set_aside);
  if (value.contains("restored")) fields.value("restored", identity.restored, read_restored);
  TRY(fields.end("guest identity"));
  return identity;
}

json json_of(const host::StoredImage& image) {
  return {{"directory", image.directory}, {"image", to_canonical_json(image.image)}};
}

Result<host::StoredImage> read_stored_image(const json& value) {
  host::StoredImage stored;
  std::string text;
  Fields fields{value};
  fields.text("directory", stored.directory).text("image", text);
  TRY(fields.end("stored image"));
  stored.image = TRY(parse_image(text, "image of the operation"));
  return stored;
}

}  // namespace holdfast
