// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/provider_check.hpp"

#include <string_view>

namespace holdfast::proxmox {
namespace {

// What the lifecycle of a guest takes, on the pool it is put into or on all guests.
constexpr const char* guest_privileges[] = {
    "VM.Allocate",      "VM.Audit",         "VM.Backup",         "VM.Config.CPU",
    "VM.Config.Disk",   "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options",
    "VM.Config.HWType", "VM.PowerMgmt",     "VM.Snapshot",       "VM.Snapshot.Rollback"};
constexpr const char* storage_privileges[] = {"Datastore.AllocateSpace", "Datastore.Audit"};

class Findings {
 public:
  explicit Findings(Node& node) : node_{node} {}

  Result<void> privileges(const std::string& path, const char* const* begin,
                          const char* const* end) {
    const Json data =
        TRY(node_.client().get("/access/permissions", {{"path", path}}).context("ask for rights"));
    const auto on_path = data.find(path);
    for (const char* const* name = begin; name != end; ++name) {
      const bool has = on_path != data.end() && on_path->is_object() && on_path->contains(*name);
      add(std::string{*name} + " on " + path, has,
          "give both the user and the token a role with it on " + path);
    }
    return ok();
  }

  void add(std::string what, bool is_fine, std::string problem) {
    found.push_back({std::move(what), is_fine, is_fine ? std::string{} : std::move(problem)});
  }

  std::vector<Check> found{};

 private:
  Node& node_;
};

Result<void> check_node(Node& node, Findings& findings) {
  const Json nodes = TRY(node.client().get("/nodes"));
  std::string names;
  bool is_known = false;
  for (const Json& entry : nodes) {
    const std::string name = text_of(entry, "node");
    names += (names.empty() ? "" : ", ") + name;
    is_known = is_known || (name == node.options().node && text_of(entry, "status") == "online");
  }
  findings.add("node " + node.options().node, is_known,
               "no node of that name is online here; there is: " + names);
  return ok();
}

Result<void> check_storages(Node& node, Findings& findings) {
  const Json storages = TRY(node.client().get(node.path("/storage")));
  for (const auto& [target, wanted] : node.options().storages) {
    std::string problem = "the token does not see it, or the node has no such storage";
    bool is_fine = false;
    for (const Json& entry : storages) {
      if (text_of(entry, "storage") != wanted) continue;
      const std::string content = "," + text_of(entry, "content") + ",";
      const bool holds = content.find(",rootdir,") != std::string::npos ||
                         content.find(",images,") != std::string::npos;
      is_fine = holds && number_of(entry, "active", 1) > 0;
      problem = holds
                    ? "it is not active"
                    : "it takes neither 'rootdir' nor 'images' (" + text_of(entry, "content") + ")";
    }
    findings.add("storage " + wanted + " (target " + target + ")", is_fine, problem);
    TRY(findings.privileges("/storage/" + wanted, std::begin(storage_privileges),
                            std::end(storage_privileges)));
  }
  return ok();
}

// Where backups go: asked for only where it is said.
Result<void> check_backups(Node& node, Findings& findings) {
  const Options& options = node.options();
  const std::string wanted = !options.backup_storage.empty()   ? options.backup_storage
                             : !options.image_storages.empty() ? options.image_storages.front()
                                                               : std::string{};
  if (wanted.empty()) return ok();
  const Json storages = TRY(node.client().get(node.path("/storage")));
  bool takes_backups = false;
  for (const Json& entry : storages)
    if (text_of(entry, "storage") == wanted)
      takes_backups = ("," + text_of(entry, "content") + ",").find(",backup,") != std::string::npos;
  findings.add("storage " + wanted + " for backups", takes_backups,
               "the token does not see it, or it does not take content 'backup'");
  return findings.privileges("/storage/" + wanted, std::begin(storage_privileges),
                             std::end(storage_privileges));
}

}  // namespace

Result<std::vector<Check>> check_provider(Node& node) {
  Findings findings{node};
  const bool is_new_enough = TRY(node.is_at_least(8, 0));
  findings.add("Proxmox VE 8 or newer", is_new_enough, "upgrade it");
  TRY(check_node(node, findings));
  const std::string& pool = node.options().pool;
  const std::string path = pool.empty() ? "/vms" : "/pool/" + pool;
  TRY(findings.privileges(path, std::begin(guest_privileges), std::end(guest_privileges)));
  const char* const use[] = {"SDN.Use"};
  TRY(findings.privileges("/sdn/zones/localnetwork", std::begin(use), std::end(use)));
  TRY(check_storages(node, findings));
  TRY(check_backups(node, findings));
  findings.add("a pool for guests (proxmox.pool)", !pool.empty(),
               "without one the token may change every guest here, and only Holdfast's own care "
               "keeps it from a stranger's that takes over a VMID; see docs/proxmox.md");
  return std::move(findings.found);
}

}  // namespace holdfast::proxmox
