// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/proxmox/tasks.hpp"
#include "tests/proxmox/world.hpp"

// What a handler of one endpoint is given. Private to the stand-in.
namespace holdfast::standin {

struct Call {
  World& world;
  TaskBook& tasks;
  Caller caller{};
  GuestKind kind = GuestKind::lxc;  // of the path, where it has one
  Parameters parameters{};          // checked; the path's among them
  Time now{};
  std::optional<std::size_t> total{};  // for the answer, beside its data
  // The guest that guest() found first. A worker that was forked for it touches no other.
  mutable std::uint64_t birth = 0;

  bool has(const std::string& name) const { return parameters.contains(name); }
  std::string text(const std::string& name, const std::string& otherwise = {}) const;
  std::int64_t number(const std::string& name, std::int64_t otherwise = 0) const;
  bool flag(const std::string& name, bool otherwise = false) const;
  int vmid() const { return static_cast<int>(number("vmid")); }
  // Parameters that are options of the guest, not of the call.
  Config options(const std::vector<std::string>& besides) const;

  // On a guest also what its pool allows, on one to be made what the request's pool does.
  bool may(const std::string& path, const std::string& privilege) const;
  bool may_any(const std::string& path, const std::vector<std::string>& privileges) const;
  // 403 otherwise.
  void require(const std::string& path, const std::string& privilege) const;
  void require_any(const std::string& path, const std::vector<std::string>& privileges) const;

  // 500 otherwise, in the words of the real one.
  Guest& guest() const;
  // Null: it is gone, or another has its number.
  Guest* find_guest() const;
  Storage& storage(const std::string& name) const;
  void require_unlocked(const Guest& guest) const;
  void require_digest(const Guest& guest) const;

  std::string vms_path() const { return "/vms/" + text("vmid"); }
  // "CT 100", "VM 100"
  std::string title() const;
  std::string fork(const std::string& type, Work work) const;
};

// "vz" or "qm", as task types begin.
std::string prefix_of(GuestKind kind);
[[noreturn]] void refuse_permission(const std::string& what);                         // 403
[[noreturn]] void refuse_parameter(const std::string& name, const std::string& why);  // 400

using Handler = nlohmann::json (*)(Call&);
// Null: the table has the endpoint, the stand-in does not.
Handler find_handler(std::string_view method, std::string_view path);

// One folder of handlers each; the path is the table's.
nlohmann::json answer_version(Call& call);
nlohmann::json answer_permissions(Call& call);
nlohmann::json answer_resources(Call& call);
nlohmann::json answer_next_id(Call& call);
nlohmann::json answer_nodes(Call& call);
nlohmann::json answer_node_status(Call& call);
nlohmann::json answer_network(Call& call);

nlohmann::json answer_tasks(Call& call);
nlohmann::json answer_task_status(Call& call);
nlohmann::json answer_task_log(Call& call);
nlohmann::json stop_task(Call& call);

nlohmann::json answer_guests(Call& call);
nlohmann::json answer_status(Call& call);
nlohmann::json answer_config(Call& call);
nlohmann::json answer_pending(Call& call);

nlohmann::json put_config(Call& call);
nlohmann::json post_config(Call& call);
nlohmann::json unlink_disks(Call& call);
nlohmann::json resize_disk(Call& call);
nlohmann::json move_disk(Call& call);

nlohmann::json create_guest(Call& call);
nlohmann::json destroy_guest(Call& call);

nlohmann::json start_guest(Call& call);
nlohmann::json stop_guest(Call& call);
nlohmann::json shut_down_guest(Call& call);
nlohmann::json suspend_guest(Call& call);
nlohmann::json resume_guest(Call& call);
nlohmann::json reboot_guest(Call& call);
nlohmann::json reset_guest(Call& call);
nlohmann::json ping_agent(Call& call);

nlohmann::json list_snapshots(Call& call);
nlohmann::json take_snapshot(Call& call);
nlohmann::json remove_snapshot(Call& call);
nlohmann::json answer_snapshot(Call& call);
nlohmann::json put_snapshot(Call& call);
nlohmann::json roll_back(Call& call);

nlohmann::json back_up(Call& call);
nlohmann::json extract_config(Call& call);

nlohmann::json list_storages(Call& call);
nlohmann::json answer_storage_status(Call& call);
nlohmann::json list_content(Call& call);
nlohmann::json allocate_disk(Call& call);
nlohmann::json answer_volume(Call& call);
nlohmann::json put_volume(Call& call);
nlohmann::json delete_volume(Call& call);
nlohmann::json preview_prune(Call& call);
nlohmann::json prune(Call& call);
nlohmann::json list_storage_configs(Call& call);
nlohmann::json answer_storage_config(Call& call);

}  // namespace holdfast::standin
