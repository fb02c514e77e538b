// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/snapshot_records.hpp"

#include <algorithm>
#include <pugixml.hpp>

#include <nlohmann/json.hpp>

#include "drivers/libvirt/errors.hpp"
#include "drivers/libvirt/xml_text.hpp"

namespace holdfast::libvirt {
namespace {

using nlohmann::json;

Result<SnapshotRecord> read_record(Core& core, const Connection& connection,
                                   SnapshotHandle handle) {
  core.calls->add(Call::snapshot_get_xml);
  const CString xml{virDomainSnapshotGetXMLDesc(handle.get(), 0)};
  if (!xml) return last_error(to_string(Call::snapshot_get_xml));
  SnapshotRecord record;
  record.handle = std::move(handle);
  record.xml = xml.get();
  record.parsed = TRY(parse_snapshot(record.xml, connection.platform));
  record.note = parse_note(record.parsed.description);
  return record;
}

Result<void> load(pugi::xml_document& document, std::string_view xml) {
  if (document.load_buffer(xml.data(), xml.size()) && document.child("domainsnapshot")) {
    return ok();
  }
  return Error{Errc::corrupt, "not a <domainsnapshot> document"};
}

}  // namespace

std::string to_json(const SnapshotNote& note) {
  json text{{"holdfast", 1}, {"incarnation", note.incarnation.value}};
  for (const auto& layer : note.merging) {
    text["merging"].push_back({{"device", layer.device},
                               {"overlay", layer.overlay},
                               {"base", layer.base},
                               {"format", layer.base_format},
                               {"above", layer.above}});
  }
  return text.dump(-1, ' ', true, json::error_handler_t::replace);
}

std::optional<SnapshotNote> parse_note(std::string_view description) {
  const json text = json::parse(description, nullptr, false);
  if (!text.is_object() || !text.contains("holdfast")) return std::nullopt;
  const auto incarnation = text.find("incarnation");
  if (incarnation == text.end() || !incarnation->is_number_unsigned()) return std::nullopt;
  SnapshotNote note{Incarnation{incarnation->get<std::uint64_t>()}, {}};
  const auto merging = text.find("merging");
  if (merging == text.end() || !merging->is_array()) return note;
  for (const json& layer : *merging) {
    if (!layer.is_object()) return std::nullopt;
    const auto read = [&](const char* key) -> std::string {
      const auto value = layer.find(key);
      return value != layer.end() && value->is_string() ? value->get<std::string>() : "";
    };
    note.merging.push_back(
        {read("device"), read("overlay"), read("base"), read("format"), read("above")});
  }
  return note;
}

Result<void> check_snapshot_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (name.empty() || name.size() > 64 || name.front() == '.' ||
      !std::all_of(name.begin(), name.end(), is_plain)) {
    return Error{Errc::invalid, "a snapshot's name must be 1 to 64 letters, digits, '-', '_', '.'"};
  }
  return ok();
}

Result<SnapshotRecord> find_snapshot(Core& core, const Connection& connection, virDomain* domain,
                                     const std::string& name) {
  core.calls->add(Call::snapshot_lookup);
  SnapshotHandle handle{virDomainSnapshotLookupByName(domain, name.c_str(), 0)};
  if (handle) return read_record(core, connection, std::move(handle));
  if (last_error_number() == VIR_ERR_NO_DOMAIN_SNAPSHOT) {
    return Error{Errc::conflict, "the guest has no snapshot " + name};
  }
  return last_error(to_string(Call::snapshot_lookup));
}

Result<std::vector<SnapshotRecord>> list_snapshots(Core& core, const Connection& connection,
                                                   virDomain* domain) {
  core.calls->add(Call::snapshot_list);
  virDomainSnapshotPtr* list = nullptr;
  const int count = virDomainListAllSnapshots(domain, &list, 0);
  if (count < 0) return last_error(to_string(Call::snapshot_list));
  const Handle<virDomainSnapshotPtr, std::free> owner{list};
  std::vector<SnapshotHandle> handles;
  handles.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) handles.emplace_back(list[i]);

  std::vector<SnapshotRecord> records;
  records.reserve(handles.size());
  for (SnapshotHandle& handle : handles) {
    records.push_back(TRY(read_record(core, connection, std::move(handle))));
  }
  return records;
}

Result<void> redefine_snapshot(Core& core, virDomain* domain, const std::string& xml) {
  // libvirt wants to be told again what it wrote itself: taken while the guest ran, or not.
  const bool was_running = xml.find("<state>disk-snapshot</state>") != std::string::npos;
  const unsigned flags = unsigned{VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE} |
                         (was_running ? unsigned{VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY} : 0U);
  core.calls->add(Call::snapshot_create);
  const SnapshotHandle redefined{virDomainSnapshotCreateXML(domain, xml.c_str(), flags)};
  if (!redefined) return last_error(to_string(Call::snapshot_create));
  return ok();
}

Result<std::string> with_note(std::string_view xml, const SnapshotNote& note) {
  pugi::xml_document document;
  TRY(load(document, xml));
  pugi::xml_node root = document.child("domainsnapshot");
  pugi::xml_node description = root.child("description");
  if (!description) description = root.append_child("description");
  description.text().set(to_json(note).c_str());
  return to_text(root);
}

Result<std::string> with_base(std::string_view xml, const std::string& from, const std::string& to,
                              const std::string& to_format) {
  pugi::xml_document document;
  TRY(load(document, xml));
  pugi::xml_node root = document.child("domainsnapshot");
  for (const char* part : {"domain", "inactiveDomain"}) {
    for (pugi::xml_node disk : root.child(part).child("devices").children("disk")) {
      if (disk.child("source").attribute("file").value() != from) continue;
      disk.child("source").attribute("file").set_value(to.c_str());
      disk.child("driver").attribute("type").set_value(to_format.c_str());
      disk.remove_child("backingStore");
    }
  }
  return to_text(root);
}

}  // namespace holdfast::libvirt
