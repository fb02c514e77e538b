// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/node.hpp"

#include <algorithm>
#include <cstdio>
#include <thread>
#include <utility>

#include "base/sha256.hpp"

namespace holdfast::proxmox {
namespace {

constexpr std::size_t most_vmids = 64;

host::PowerState power_of(const std::string& status) {
  if (status == "running") return host::PowerState::running;
  if (status == "stopped") return host::PowerState::stopped;
  if (status == "paused" || status == "suspended" || status == "prelaunch")
    return host::PowerState::suspended;
  return host::PowerState::unknown;
}

std::string power_text(const Json& entry) {
  const std::string fine = text_of(entry, "qmpstatus");
  return fine == "paused" || fine == "prelaunch" || fine == "suspended" ? fine
                                                                        : text_of(entry, "status");
}

Summary summary_of(const Place& place, const Json& entry) {
  Summary summary{place, text_of(entry, "name"), power_text(entry), text_of(entry, "lock"), {}};
  for (const char* key : {"cpus", "maxmem", "maxdisk", "tags", "template"})
    summary.rest += text_of(entry, key) + "|";
  return summary;
}

bool same(const host::ObservedGuest& one, const host::ObservedGuest& other) {
  return one.uuid == other.uuid && one.name == other.name && one.marker == other.marker &&
         one.power == other.power && one.configured == other.configured && one.live == other.live &&
         one.problem == other.problem && one.lock == other.lock;
}

}  // namespace

Node::Node(Exchange& exchange, Options options, const Clock& clock)
    : options_{std::move(options)}, client_{exchange, options_.request_deadline}, clock_{clock} {
  if (!options_.pause)
    options_.pause = [](Duration duration) { std::this_thread::sleep_for(duration); };
}

std::string Node::path(const Place& place, const std::string& rest) const {
  return path("/" + std::string{to_string(place.kind)} + "/" + std::to_string(place.vmid) + rest);
}

Result<Listing> Node::list() const {
  Listing listing;
  for (const Kind kind : {Kind::lxc, Kind::qemu}) {
    // Without `full` a paused machine looks like a running one.
    const Query query = kind == Kind::qemu ? Query{{"full", "1"}} : Query{};
    const Json data = TRY(client_.get(path("/" + std::string{to_string(kind)}), query));
    if (!data.is_array()) return Error{Errc::unavailable, "the list of guests is no list"};
    for (const Json& entry : data)
      if (const int vmid = static_cast<int>(number_of(entry, "vmid")); vmid > 0)
        listing.push_back(summary_of({kind, vmid}, entry));
  }
  return listing;
}

Result<std::set<int>> Node::used_vmids() const {
  const Json data = TRY(client_.get("/cluster/resources", {{"type", "vm"}}));
  if (!data.is_array()) return Error{Errc::unavailable, "the list of guests is no list"};
  std::set<int> vmids;
  for (const Json& entry : data) vmids.insert(static_cast<int>(number_of(entry, "vmid")));
  return vmids;
}

Result<std::optional<Config>> Node::config(const Place& place) const {
  const auto data = client_.get(path(place, "/config"));
  if (data) return std::optional<Config>{read_config(place, *data)};
  if (data.error().code() == Errc::not_found) return std::optional<Config>{};
  return data.error();
}

Result<std::string> Node::status(const Place& place) const {
  return power_text(TRY(client_.get(path(place, "/status/current"))));
}

// One guest as it is now; null when it is gone.
Result<host::ObservedGuestPtr> Node::read_guest(const Place& place, const std::string& status) {
  const auto data = client_.get(path(place, "/pending"));
  if (!data && data.error().code() == Errc::not_found) return host::ObservedGuestPtr{};
  auto guest = std::make_shared<host::ObservedGuest>();
  guest->uuid = foreign_uuid(options_.node, place);
  guest->power = power_of(status);
  if (!data && data.error().code() == Errc::denied) {
    guest->problem = "its configuration may not be read: " + data.error().message();
    return host::ObservedGuestPtr{std::move(guest)};
  }
  if (!data) return data.error();
  const Config future = read_pending(place, *data, true);
  const auto text = own_marker(future);
  if (text && *text) {
    guest->marker = (*text)->marker;
    guest->uuid = (*text)->marker.uuid;
  }
  if (!text) guest->problem = text.error().message();
  guest->name = name_of(future);
  guest->lock = future.lock;
  guest->configured = shape_of(future, options_, guest->uuid);
  if (guest->power == host::PowerState::running || guest->power == host::PowerState::suspended)
    guest->live = shape_of(read_pending(place, *data, false), options_, guest->uuid);
  return host::ObservedGuestPtr{std::move(guest)};
}

// The object known already when nothing about the guest is new.
host::ObservedGuestPtr Node::keep(const Summary& summary, host::ObservedGuestPtr guest) {
  auto entries = entries_.lock();
  Entry& entry = (*entries)[summary.place.vmid];
  if (entry.guest && same(*entry.guest, *guest)) guest = entry.guest;
  entry = {summary, guest, clock_.elapsed(), false};
  return guest;
}

Result<void> Node::read_entry(const Summary& summary) {
  const std::string what = std::to_string(summary.place.vmid);
  auto guest = TRY(read_guest(summary.place, summary.status).context("read guest " + what));
  if (guest)
    keep(summary, std::move(guest));
  else
    entries_.lock()->erase(summary.place.vmid);  // it went while we looked
  return ok();
}

// Lists all, and reads the configurations that are new or may have changed, and a few of those
// that were not read for longest: an edit of a person need not show in the listing.
Result<void> Node::refresh() {
  const std::lock_guard hold{refreshing_};
  const Listing listing = TRY(list());
  std::set<int> present;
  std::vector<std::pair<Duration, Summary>> old;
  for (const Summary& summary : listing) {
    present.insert(summary.place.vmid);
    bool is_known = false;
    {
      auto entries = entries_.lock();
      const auto entry = entries->find(summary.place.vmid);
      is_known =
          entry != entries->end() && !entry->second.is_stale && entry->second.summary == summary;
      if (is_known && clock_.elapsed() - entry->second.read >= options_.reread_after)
        old.emplace_back(entry->second.read, summary);
    }
    if (!is_known) TRY(read_entry(summary));
  }
  std::sort(old.begin(), old.end(),
            [](const auto& one, const auto& other) { return one.first < other.first; });
  for (std::size_t i = 0; i < std::min<std::size_t>(old.size(), options_.rereads_a_pass); ++i)
    TRY(read_entry(old[i].second));
  std::erase_if(*entries_.lock(),
                [&](const auto& entry) { return present.count(entry.first) == 0; });
  return ok();
}

Result<host::Inventory> Node::observe_all() {
  TRY(refresh());
  host::Inventory inventory;
  for (const auto& [vmid, entry] : *entries_.lock()) inventory.guests.push_back(entry.guest);
  std::sort(inventory.guests.begin(), inventory.guests.end(),
            [](const auto& one, const auto& other) { return one->uuid < other->uuid; });
  return inventory;
}

std::optional<Place> Node::known_place(const Uuid& uuid) {
  auto entries = entries_.lock();
  for (const auto& [vmid, entry] : *entries)
    if (entry.guest->uuid == uuid) return entry.summary.place;
  return std::nullopt;
}

Result<host::ObservedGuestPtr> Node::read_at(const Place& place, const Uuid& uuid) {
  const auto status_now = status(place);
  if (!status_now && status_now.error().code() == Errc::not_found) return host::ObservedGuestPtr{};
  if (!status_now) return status_now.error();
  auto guest = TRY(read_guest(place, *status_now));
  if (!guest || guest->uuid != uuid) return host::ObservedGuestPtr{};
  Summary summary{place, {}, {}, {}, {}};
  {
    auto entries = entries_.lock();
    const auto entry = entries->find(place.vmid);
    if (entry != entries->end()) summary = entry->second.summary;
  }
  return keep(summary, std::move(guest));
}

// A listing holds only what the token may see. Where the guest would be, nothing must be that
// may not be read.
Result<void> Node::ensure_absent(const Uuid& uuid) const {
  const int vmid = vmids_for(uuid).front();
  const auto there = config({Kind::lxc, vmid});
  if (!there && there.error().code() == Errc::denied)
    return Error{Errc::unavailable, "the token may not see guest " + std::to_string(vmid) +
                                        ", and it cannot be told whether it exists"};
  if (!there && there.error().code() == Errc::unavailable) return there.error();
  return ok();
}

Result<host::ObservedGuestPtr> Node::observe(const Uuid& uuid) {
  if (const auto place = known_place(uuid)) {
    auto guest = TRY(read_at(*place, uuid));
    if (guest) return guest;
    forget(*place);
  }
  TRY(refresh());
  if (const auto place = known_place(uuid)) return read_at(*place, uuid);
  TRY(ensure_absent(uuid));
  return host::ObservedGuestPtr{};
}

Result<Ours> Node::ours(const Uuid& uuid) {
  const auto guest = TRY(observe(uuid));
  const std::string who = "guest " + holdfast::to_string(uuid);
  if (!guest) return Error{Errc::not_found, who + " does not exist"};
  if (!guest->marker)
    return Error{Errc::conflict, who + " carries no Holdfast marker; it is never touched"};
  const auto place = known_place(uuid);
  const auto config_now = place ? TRY(config(*place)) : std::optional<Config>{};
  if (!config_now) return Error{Errc::conflict, who + " went while it was looked at"};
  const auto text = TRY(own_marker(*config_now));
  if (!text || text->marker.uuid != uuid)
    return Error{Errc::conflict, "VMID " + std::to_string(place->vmid) +
                                     " is another guest's now; it is never touched"};
  if (!config_now->lock.empty())
    return Error{Errc::conflict, "LockedByOther: guest " + std::to_string(place->vmid) +
                                     " is locked (" + config_now->lock +
                                     "); only its owner or root on the node can end that"};
  return Ours{*config_now, *text, guest->power};
}

Result<Ours> Node::ours_stopped(const Uuid& uuid) {
  Ours guest = TRY(ours(uuid));
  if (guest.power == host::PowerState::stopped) return guest;
  return Error{Errc::conflict,
               "guest " + std::to_string(guest.config.place.vmid) + " must be stopped for this"};
}

Result<void> Node::change(const Config& config, Form form) {
  if (form.empty()) return ok();
  forget(config.place);
  form.emplace_back("digest", config.digest);
  TRY(client_.put(path(config.place, "/config"), form));
  return ok();
}

void Node::forget(const Place& place) {
  auto entries = entries_.lock();
  const auto entry = entries->find(place.vmid);
  if (entry != entries->end()) entry->second.is_stale = true;
}

std::vector<int> Node::vmids_for(const Uuid& uuid) const {
  const Sha256 hash = sha256(holdfast::to_string(uuid));
  const auto size = static_cast<std::uint64_t>(options_.last_vmid) -
                    static_cast<std::uint64_t>(options_.first_vmid) + 1;
  std::uint64_t start = 0;
  for (int byte = 0; byte < 8; ++byte)
    start = start << 8U | hash.at(static_cast<std::size_t>(byte));
  std::vector<int> vmids;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(size, most_vmids); ++i)
    vmids.push_back(options_.first_vmid + static_cast<int>((start % size + i) % size));
  return vmids;
}

Result<bool> Node::is_at_least(int major, int minor) {
  {
    auto known = version_.lock();
    if (known->has_value()) return **known >= std::pair{major, minor};
  }
  const Json data = TRY(client_.get("/version"));
  int found_major = 0;
  int found_minor = 0;
  const std::string text = text_of(data, "version");
  if (std::sscanf(text.c_str(), "%d.%d", &found_major, &found_minor) < 1)
    return Error{Errc::unavailable,
                 "the version of Proxmox cannot be read: '" + one_line(text) + "'"};
  *version_.lock() = std::pair{found_major, found_minor};
  return std::pair{found_major, found_minor} >= std::pair{major, minor};
}

}  // namespace holdfast::proxmox
