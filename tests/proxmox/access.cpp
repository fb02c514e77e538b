// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/access.hpp"

#include <algorithm>
#include <iterator>

namespace holdfast::standin {
namespace {

const Privileges common{"Datastore.Allocate",
                        "Datastore.AllocateSpace",
                        "Datastore.AllocateTemplate",
                        "Datastore.Audit",
                        "Group.Allocate",
                        "Mapping.Audit",
                        "Mapping.Modify",
                        "Mapping.Use",
                        "Permissions.Modify",
                        "Pool.Allocate",
                        "Pool.Audit",
                        "Realm.Allocate",
                        "Realm.AllocateUser",
                        "SDN.Allocate",
                        "SDN.Audit",
                        "SDN.Use",
                        "Sys.AccessNetwork",
                        "Sys.Audit",
                        "Sys.Console",
                        "Sys.Incoming",
                        "Sys.Modify",
                        "Sys.PowerMgmt",
                        "Sys.Syslog",
                        "User.Modify",
                        "VM.Allocate",
                        "VM.Audit",
                        "VM.Backup",
                        "VM.Clone",
                        "VM.Config.CDROM",
                        "VM.Config.CPU",
                        "VM.Config.Cloudinit",
                        "VM.Config.Disk",
                        "VM.Config.HWType",
                        "VM.Config.Memory",
                        "VM.Config.Network",
                        "VM.Config.Options",
                        "VM.Console",
                        "VM.Migrate",
                        "VM.PowerMgmt",
                        "VM.Snapshot",
                        "VM.Snapshot.Rollback"};

// "/", "/vms", "/vms/100"
std::vector<std::string> levels_of(const std::string& path) {
  std::vector<std::string> levels{"/"};
  for (std::size_t at = path.find('/', 1); path.size() > 1; at = path.find('/', at + 1)) {
    levels.push_back(path.substr(0, at));
    if (at == std::string::npos) break;
  }
  return levels;
}

}  // namespace

const Privileges& all_privileges(Version version) {
  static const auto with = [](Privileges more) {
    more.insert(common.begin(), common.end());
    return more;
  };
  static const Privileges old = with({"VM.Monitor"});
  static const Privileges recent =
      with({"VM.GuestAgent.Audit", "VM.GuestAgent.FileRead", "VM.GuestAgent.FileSystemMgmt",
            "VM.GuestAgent.FileWrite", "VM.GuestAgent.Unrestricted", "VM.Replicate"});
  return version == Version::v8_4 ? old : recent;
}

Privileges agent_role(Version version) {
  Privileges role{"VM.Allocate",
                  "VM.Audit",
                  "VM.Backup",
                  "VM.Config.CDROM",
                  "VM.Config.CPU",
                  "VM.Config.Cloudinit",
                  "VM.Config.Disk",
                  "VM.Config.HWType",
                  "VM.Config.Memory",
                  "VM.Config.Network",
                  "VM.Config.Options",
                  "VM.PowerMgmt",
                  "VM.Snapshot",
                  "VM.Snapshot.Rollback",
                  "Datastore.AllocateSpace",
                  "Datastore.Audit",
                  "Sys.Audit",
                  "SDN.Use"};
  role.insert(version == Version::v8_4 ? "VM.Monitor" : "VM.GuestAgent.Audit");
  return role;
}

void Access::grant(const std::string& subject, const std::string& path, Privileges privileges) {
  entries_.push_back({subject, path, std::move(privileges)});
}

void Access::revoke(const std::string& subject, const std::string& path) {
  std::erase_if(entries_,
                [&](const Entry& entry) { return entry.subject == subject && entry.path == path; });
}

std::optional<Caller> Access::authenticate(const std::string& authorization, Time now) const {
  constexpr std::string_view scheme = "PVEAPIToken";
  if (!authorization.starts_with(scheme) || authorization.size() <= scheme.size()) return {};
  const char separator = authorization[scheme.size()];
  if (separator != '=' && separator != ' ') return {};
  const std::string rest = authorization.substr(scheme.size() + 1);
  const auto equals = rest.rfind('=');
  if (equals == std::string::npos) return {};
  for (const auto& token : tokens_) {
    if (token.id != rest.substr(0, equals) || token.secret != rest.substr(equals + 1)) continue;
    if (token.expires && *token.expires <= now) return {};
    const auto mark = token.id.find('!');
    return Caller{token.id.substr(0, mark), token.id.substr(mark + 1)};
  }
  return {};
}

Privileges Access::of_subject(const std::string& subject, const std::string& path,
                              Version version) const {
  if (subject == "root@pam") return all_privileges(version);
  Privileges held;
  for (const auto& level : levels_of(path)) {
    bool is_named = false;
    Privileges here;
    for (const auto& entry : entries_) {
      if (entry.subject != subject || entry.path != level) continue;
      is_named = true;
      here.insert(entry.privileges.begin(), entry.privileges.end());
    }
    if (is_named) held = std::move(here);
  }
  return held;
}

Privileges Access::privileges(const Caller& caller, const std::string& path,
                              Version version) const {
  const auto user = of_subject(caller.user, path, version);
  const auto token = std::find_if(tokens_.begin(), tokens_.end(),
                                  [&](const Token& one) { return one.id == caller.id(); });
  if (token != tokens_.end() && !token->is_separated) return user;
  const auto own = of_subject(caller.id(), path, version);
  Privileges both;
  std::set_intersection(user.begin(), user.end(), own.begin(), own.end(),
                        std::inserter(both, both.end()));
  return both;
}

std::set<std::string> Access::granted_paths(const Caller& caller) const {
  std::set<std::string> paths;
  for (const auto& entry : entries_)
    if (entry.subject == caller.user || entry.subject == caller.id()) paths.insert(entry.path);
  return paths;
}

}  // namespace holdfast::standin
