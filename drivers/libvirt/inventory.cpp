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

// What the guest runs with, which the persistent configuration does not say.
Result<void> read_live(Core& core, const Connection& connection, virDomain* domain,
                       ParsedDomain& persistent, ObservedGuest& guest) {
  ParsedDomain live = parse_domain(TRY(read_xml(core, domain, Config::live)), connection.platform);
  if (guest.marker) {
    fill_disk_sizes(core, connection, domain, live);
    for (auto& disk : persistent.shape.disks) {
      const auto same = [&](const host::Disk& other) { return other.path == disk.path; };
      const auto running = std::find_if(live.shape.disks.begin(), live.shape.disks.end(), same);
      const bool is_there = running != live.shape.disks.end();
      // A raw file may have grown under the guest, which then has not been told.
      const auto size = disk.format == "raw" ? file_size(disk.path) : std::nullopt;
      if (size) {
        disk.size = *size;
      } else if (is_there) {
        disk.size = running->size;
      }
    }
  }
  if (guest.problem.empty()) guest.problem = live.problem;
  guest.live = std::move(live.shape);
  return ok();
}

Result<ObservedGuestPtr> read_guest(Core& core, const Connection& connection, virDomain* domain,
                                    const Sighting& seen) {
  const DomainState state{seen.state, seen.reason};
  ParsedDomain persistent =
      parse_domain(TRY(read_xml(core, domain, Config::persistent)), connection.platform);
  auto guest = std::make_shared<ObservedGuest>();
  guest->uuid = seen.uuid;
  guest->name = seen.name;
  guest->power = power_of(state);
  if (persistent.metadata) guest->marker = persistent.metadata->marker;
  guest->problem = persistent.problem;
  if (state.is_active()) {
    TRY(read_live(core, connection, domain, persistent, *guest));
  } else if (guest->marker) {  // a stranger's disks are none of our business
    fill_disk_sizes(core, connection, domain, persistent);
    guest->problem = persistent.problem;
  }
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
Result<ObservedGuestPtr> reread(Core& core, const Connection& connection, virDomain* domain,
                                const Sighting& seen, Duration now) {
  const std::uint64_t ticket = core.cache->ticket();
  auto guest = read_guest(core, connection, domain, seen);
  if (guest) return core.cache->keep(seen, std::move(guest).value(), ticket, now);
  if (guest.error().code() == Errc::not_found) {
    core.cache->forget(seen.uuid);
    return ObservedGuestPtr{};
  }
  if (virConnectIsAlive(connection.handle.get()) != 1) return std::move(guest).error();
  return unreadable(seen, core.cache->last(seen.uuid), guest.error());
}

Result<Inventory> list_guests(Core& core, const Connection& connection, Duration now) {
  const std::uint64_t begun = core.cache->ticket();
  const Listing listing = TRY(list_all(core, connection.handle.get()));
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

Result<ObservedGuestPtr> read_one(Core& core, const Connection& connection, const Uuid& uuid,
                                  Duration now) {
  const std::uint64_t ticket = core.cache->ticket();
  auto domain = find_domain(core, connection, uuid);
  if (!domain) {
    if (domain.error().code() != Errc::not_found) return std::move(domain).error();
    core.cache->forget(uuid);
    return ObservedGuestPtr{};
  }
  const auto state = TRY(read_state(core, domain->get()));
  const char* name = virDomainGetName(domain->get());
  const Sighting seen{uuid, name != nullptr ? name : "", state.state, state.reason};
  auto guest = TRY(read_guest(core, connection, domain->get(), seen));
  return core.cache->keep(seen, std::move(guest), ticket, now);
}

}  // namespace

Result<Inventory> LibvirtInventory::observe_all() {
  const Duration now = core_->clock.elapsed();
  return core_
      ->call(core_->options.observe_deadline,
             [now](Core& core, const Connection& c) { return list_guests(core, c, now); })
      .context("observe all guests");
}

Result<ObservedGuestPtr> LibvirtInventory::observe(const Uuid& uuid) {
  const Duration now = core_->clock.elapsed();
  auto guest = core_->call(
      core_->options.observe_deadline,
      [now, uuid](Core& core, const Connection& c) { return read_one(core, c, uuid, now); });
  // It went away between two calls, and the provider said so.
  if (!guest && guest.error().code() == Errc::not_found) return ObservedGuestPtr{};
  return std::move(guest).context("observe guest " + to_string(uuid));
}

void LibvirtInventory::on_change(std::function<void(const Uuid&)> changed) {
  *core_->listener->lock() = std::move(changed);
}

}  // namespace holdfast::libvirt
