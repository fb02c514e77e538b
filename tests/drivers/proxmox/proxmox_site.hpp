// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "drivers/proxmox/client.hpp"
#include "drivers/proxmox/proxmox_host.hpp"
#include "tests/proxmox/stand_in.hpp"

namespace holdfast::test {

// From the driver to a host that answers from memory.
class Wire final : public proxmox::Exchange {
 public:
  explicit Wire(standin::StandIn& stand_in)
      : stand_in_{stand_in}, authorization_{stand_in.add_agent()} {}

  Result<http::Response> request(const http::Request& request, const http::Patience&) override {
    if (is_cut) return Error{Errc::unavailable, "cannot reach https://pve1:8006"};
    http::Request whole = request;
    whole.headers["Authorization"] = authorization_;
    ++requests;
    auto answer = stand_in_.request(whole);
    if (answer) bytes += answer->body.size();
    return answer;
  }

  bool is_cut = false;
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;  // of answers

 private:
  standin::StandIn& stand_in_;
  std::string authorization_;
};

// One host and the driver for it; time goes on when the driver waits.
struct ProxmoxSite {
  explicit ProxmoxSite(standin::Version version = standin::Version::v8_4)
      : stand_in{{.version = version}} {
    boot();
  }

  // A driver that knows nothing yet, as after a restart.
  void boot() {
    proxmox::Options options;
    options.node = "pve1";
    options.storages = storages;
    options.backup_storage = "local";
    options.first_vmid = first_vmid;
    options.last_vmid = last_vmid;
    options.user = "agent@pve!holdfast";
    options.pool = pool;
    options.pause = [this](Duration duration) { stand_in.advance(duration); };
    host = std::make_unique<proxmox::ProxmoxHost>(wire, options, stand_in.clock());
  }
  host::Host ports() { return host->ports(); }

  // From now on the token may change guests of the pool "holdfast" alone, as docs/proxmox.md
  // sets it up: it sees the others. Holds for drivers that are booted then.
  void keep_to_pool() {
    pool = "holdfast";
    auto& world = stand_in.world();
    world.pools.insert(pool);
    for (const auto* subject : {"agent@pve", "agent@pve!holdfast"}) {
      world.access.revoke(subject, "/");
      world.access.grant(subject, "/", {"Sys.Audit"});
      world.access.grant(subject, "/vms", {"VM.Audit"});
      world.access.grant(subject, "/vms/9100", {"VM.Audit", "VM.Backup"});
      world.access.grant(subject, "/pool/" + pool, standin::agent_role(world.version));
      world.access.grant(subject, "/storage", {"Datastore.AllocateSpace", "Datastore.Audit"});
      world.access.grant(subject, "/sdn", {"SDN.Use"});
    }
  }

  // The archive of a container, or machine, that is that image, with `more` in its configuration.
  std::string add_image(standin::GuestKind kind = standin::GuestKind::lxc,
                        const std::string& image = "debian-12 1", standin::Config more = {}) {
    standin::Config config;
    if (kind == standin::GuestKind::lxc)
      config = {{"arch", "amd64"},
                {"features", "nesting=1,keyctl=1"},
                {"hostname", "golden"},
                {"memory", "512"},
                {"net0", "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,type=veth"},
                {"rootfs", "local:9100/vm-9100-disk-0.raw,size=1G"},
                {"unprivileged", "1"}};
    else
      config = {{"boot", "order=scsi0"},
                {"cores", "1"},
                {"memory", "512"},
                {"name", "golden"},
                {"net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0"},
                {"scsi0", "local:9100/vm-9100-disk-0.qcow2,size=1G"},
                {"scsihw", "virtio-scsi-single"}};
    config.merge(more);
    const std::string root = kind == standin::GuestKind::lxc ? "rootfs" : "scsi0";
    return stand_in.world().add_archive(
        "local",
        {.kind = kind, .vmid = 9100, .config = config, .contents = {{root, "golden root"}}},
        "holdfast-image " + image);
  }

  standin::StandIn stand_in;
  Wire wire{stand_in};
  std::unique_ptr<proxmox::ProxmoxHost> host{};
  // Of the drivers that are booted from now on.
  std::string pool{};
  std::map<std::string, std::string> storages{{"local", "local"}, {"fast", "fast"}};
  int first_vmid = 20'000;
  int last_vmid = 29'999;
};

}  // namespace holdfast::test
