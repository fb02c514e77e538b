// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <span>

#include "drivers/libvirt/disk_sizes.hpp"
#include "drivers/libvirt/domains.hpp"
#include "drivers/libvirt/errors.hpp"
#include "drivers/libvirt/ports.hpp"

namespace holdfast::libvirt {
namespace {

using host::Inventory;
using host::ObservedGuest;
using host::ObservedGuestPtr;

using StatsHandle = Handle<virDomainStatsRecordPtr, virDomainStatsRecordListFree>;

int find_int(const virDomainStatsRecord& record, std::string_view field) {
  for (int i = 0; i < record.nparams; ++i) {
    if (field == record.params[i].field) return record.params[i].value.i;
  }
  return 0;
}

// The one call that every pass costs: all domains and their states.
struct Listing {
  StatsHandle records{};
  std::size_t size = 0;
};
Result<Listing> list_all(Core& core, virConnect* connection) {
  core.calls->add(Call::get_all_domain_stats);
  virDomainStatsRecordPtr* records = nullptr;
  const int size = virConnectGetAllDomainStats(connection, VIR_DOMAIN_STATS_STATE, &records, 0);
  if (size < 0) return last_error("virConnectGetAllDomainStats");
  return Listing{StatsHandle{records}, static_cast<std::size_t>(size)};
}

Uuid uuid_of(virDomain* domain) {
  std::array<std::uint8_t, VIR_UUID_BUFLEN> bytes{};
  return virDomainGetUUID(domain, bytes.data()) == 0 ? Uuid{bytes} : Uuid{};
}

// All but the UUID.
Sighting sighting_of(const virDomainStatsRecord& record) {
  Sighting seen;
  if (const char* name = virDomainGetName(record.dom)) seen.name = name;
  seen.state = find_int(record, "state.state");
  seen.reason = find_int(record, "state.reason");
  return seen;
}

// What libvirt knows of one domain without asking its QEMU.
struct Configurations {
  std::string persistent{};
  std::string live{};  // of one that is active
};
Result<Configurations> read_configurations(Core& core, virDomain* domain, bool is_active) {
  Configurations read;
  read.persistent = TRY(read_xml(core, domain, Config::persistent));
  if (is_active) read.live = TRY(read_xml(core, domain, Config::live));
  return read;
}

void add_problem(ObservedGuest& guest, const std::string& problem) {
  if (!guest.problem.empty()) guest.problem += "; ";
  guest.problem += problem;
}

// Into both shapes: `asked` is the one that the guest runs with, or has. An error only when
// libvirt cannot be asked at all; what one guest cannot answer is its problem.
Result<void> fill_disk_sizes(Core& core, ObservedGuest& guest, ParsedDomain& asked,
                             ParsedDomain& persistent) {
  const auto sizes = ask_disk_sizes(core, guest.uuid, asked);
  TRY(core.workers->current());
  if (!sizes) {
    add_problem(guest, "the sizes of its disks are unknown: " + sizes.error().message());
    return ok();
  }
  for (std::size_t i = 0; i < sizes->size(); ++i) {
    host::Disk& disk = asked.shape.disks[i];
    const DiskSize& size = (*sizes)[i];
    if (size.seen) {
      disk.size = *size.seen;
    } else {
      add_problem(guest,
                  "the size of disk " + disk.name + " is unknown: " + size.seen.error().message());
    }
    if (&asked == &persistent) continue;
    for (host::Disk& stored : persistent.shape.disks) {
      // A raw file may have grown under the guest, which then has not been told.
      if (stored.path == disk.path) stored.size = size.file.value_or(disk.size);
    }
  }
  return ok();
}

Result<ObservedGuestPtr> read_guest(Core& core, const ConnectionPtr& connection, virDomain* domain,
                                    const Sighting& seen) {
  const DomainState state{seen.state, seen.reason};
  const auto texts = TRY(core.read(connection, [&](const Connection&) {
    return read_configurations(core, domain, state.is_active());
  }));
  ParsedDomain persistent = parse_domain(texts.persistent, connection->platform);
  auto guest = std::make_shared<ObservedGuest>();
  guest->uuid = seen.uuid;
  guest->name = seen.name;
  guest->power = power_of(state);
  if (persistent.metadata) guest->marker = persistent.metadata->marker;
  guest->problem = persistent.problem;
  std::optional<ParsedDomain> live;
  if (state.is_active()) {
    live = parse_domain(texts.live, connection->platform);
    if (guest->problem.empty()) guest->problem = live->problem;
  }
  // A stranger's disks are none of our business.
  if (guest->marker) TRY(fill_disk_sizes(core, *guest, live ? *live : persistent, persistent));
  if (live) guest->live = std::move(live->shape);
  guest->configured = std::move(persistent.shape);
  return ObservedGuestPtr{std::move(guest)};
}

// It is listed, so it exists; what else it is we cannot tell at the moment.
ObservedGuestPtr unreadable(const Sighting& seen, const ObservedGuestPtr& last,
                            const Error& error) {
  auto guest = last ? std::make_shared<ObservedGuest>(*last) : std::make_shared<ObservedGuest>();
  guest->uuid = seen.uuid;
  guest->name = seen.name;
  guest->power = power_of({seen.state, seen.reason});
  guest->problem = error.message();
  return guest;
}

// Null: it went away since it was listed.
Result<ObservedGuestPtr> reread(Core& core, const ConnectionPtr& connection, virDomain* domain,
                                const Sighting& seen, Duration now) {
  const std::uint64_t ticket = core.cache->ticket();
  auto guest = read_guest(core, connection, domain, seen);
  if (guest) return core.cache->keep(seen, std::move(guest).value(), ticket, now);
  if (guest.error().code() == Errc::not_found) {
    core.cache->forget(seen.uuid);
    return ObservedGuestPtr{};
  }
  TRY(core.readers->current());
  TRY(core.workers->current());
  return unreadable(seen, core.cache->last(seen.uuid), guest.error());
}

Result<Inventory> list_guests(Core& core, Duration now) {
  const ConnectionPtr connection = TRY(core.readers->current());
  TRY(core.workers->current());
  const std::uint64_t begun = core.cache->ticket();
  const Listing listing = TRY(core.read(
      connection, [&](const Connection& reader) { return list_all(core, reader.handle.get()); }));
  const std::span records{listing.records.get(), listing.size};
  std::vector<Sighting> seen;
  seen.reserve(records.size());
  for (const virDomainStatsRecord* record : records) seen.push_back(sighting_of(*record));
  if (auto same = core.cache->unchanged(seen, now)) return std::move(*same);
  core.cache->recognise(seen);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].uuid.is_nil()) seen[i].uuid = uuid_of(records[i]->dom);
  }
  Inventory inventory;
  inventory.guests = core.cache->reusable(seen, now);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    ObservedGuestPtr& guest = inventory.guests[i];
    if (guest) continue;
    seen[i].uuid = uuid_of(records[i]->dom);  // what is read is never told by its name
    guest = TRY(reread(core, connection, records[i]->dom, seen[i], now));
  }
  std::erase(inventory.guests, nullptr);
  std::sort(inventory.guests.begin(), inventory.guests.end(),
            [](const auto& a, const auto& b) { return a->uuid < b->uuid; });
  core.cache->retain(seen, begun);
  core.cache->keep_listing(std::move(seen), inventory, begun);
  return inventory;
}

struct Found {
  DomainHandle domain{};
  Sighting seen{};
};
Result<Found> find_one(Core& core, const Connection& connection, const Uuid& uuid) {
  DomainHandle domain = TRY(find_domain(core, connection, uuid));
  const auto state = TRY(read_state(core, domain.get()));
  const char* name = virDomainGetName(domain.get());
  const std::string known{name != nullptr ? name : ""};
  return Found{std::move(domain), Sighting{uuid, known, state.state, state.reason}};
}

Result<ObservedGuestPtr> read_one(Core& core, const Uuid& uuid, Duration now) {
  const ConnectionPtr connection = TRY(core.readers->current());
  const std::uint64_t ticket = core.cache->ticket();
  auto found =
      core.read(connection, [&](const Connection& reader) { return find_one(core, reader, uuid); });
  if (!found) {
    if (found.error().code() != Errc::not_found) return std::move(found).error();
    core.cache->forget(uuid);
    return ObservedGuestPtr{};
  }
  auto guest = TRY(read_guest(core, connection, found->domain.get(), found->seen));
  return core.cache->keep(found->seen, std::move(guest), ticket, now);
}

}  // namespace

Result<Inventory> LibvirtInventory::observe_all() {
  return list_guests(*core_, core_->clock.elapsed()).context("observe all guests");
}

Result<ObservedGuestPtr> LibvirtInventory::observe(const Uuid& uuid) {
  auto guest = read_one(*core_, uuid, core_->clock.elapsed());
  // It went away between two calls, and the provider said so.
  if (!guest && guest.error().code() == Errc::not_found) return ObservedGuestPtr{};
  return std::move(guest).context("observe guest " + to_string(uuid));
}

void LibvirtInventory::on_change(std::function<void(const Uuid&)> changed) {
  *core_->listener->lock() = std::move(changed);
}

}  // namespace holdfast::libvirt
