// SPDX-License-Identifier: Apache-2.0
#include "controller/provider.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "controller/required_file.hpp"
#include "drivers/libvirt/libvirt_host.hpp"
#include "drivers/local/local_disks.hpp"
#include "drivers/local/local_images.hpp"
#include "drivers/proxmox/https_exchange.hpp"
#include "drivers/proxmox/proxmox_host.hpp"

namespace holdfast {
namespace {

// libvirt, with disks and images on this machine's file systems.
class OnLibvirt final : public Provider {
 public:
  static Result<std::unique_ptr<Provider>> open(const AgentConfig& config, const Clock& clock,
                                                const Logger& log) {
    auto libvirt = TRY(libvirt::LibvirtHost::open({.uri = config.connect, .log = log}, clock));
    return std::unique_ptr<Provider>{new OnLibvirt{std::move(libvirt), config}};
  }

  host::Host ports() override {
    return {.inventory = libvirt_->inventory(),
            .hypervisor = libvirt_->hypervisor(),
            .power = libvirt_->power(),
            .tuning = libvirt_->tuning(),
            .snapshots = libvirt_->snapshots(),
            .disks = disks_,
            .copies = disks_,
            .images = images_};
  }
  Result<ProviderReport> check() override {
    const bool is_there = libvirt_->is_connected();
    return ProviderReport{"libvirt",
                          uri_,
                          {{"connected to libvirtd", is_there,
                            is_there ? "" : "is it running, and may root use it?"}}};
  }
  Result<std::vector<TargetReport>> targets() override {
    std::vector<TargetReport> reports;
    for (const auto& [name, path] : targets_) {
      TargetReport report{.name = name, .path = path, .size = {}, .available = {}, .problem = {}};
      struct statvfs info {};
      if (::statvfs(path.c_str(), &info) == 0) {
        report.size = Bytes{std::uint64_t{info.f_blocks} * info.f_frsize};
        report.available = Bytes{std::uint64_t{info.f_bavail} * info.f_frsize};
      } else {
        report.problem = std::strerror(errno);
      }
      reports.push_back(std::move(report));
    }
    return reports;
  }

 private:
  OnLibvirt(std::unique_ptr<libvirt::LibvirtHost> libvirt, const AgentConfig& config)
      : libvirt_{std::move(libvirt)},
        uri_{config.connect},
        targets_{config.all_targets()},
        images_{config.images_dir(), config.transfer_bandwidth},
        disks_{targets_, images_, config.transfer_bandwidth} {}

  std::unique_ptr<libvirt::LibvirtHost> libvirt_;
  std::string uri_;
  std::map<std::string, std::string> targets_;
  local::LocalImages images_;
  local::LocalDisks disks_;
};

// A secret: nobody but its owner may read it.
Result<std::string> read_token(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0)
    return Error{Errc::not_found, "proxmox.tokenFile: " + path + ": " + std::strerror(errno)};
  if ((facts.st_mode & 077U) != 0)
    return Error{Errc::denied,
                 "proxmox.tokenFile: " + path + " may be read by others; chmod 600 it"};
  std::string token = TRY(read_required_file(path));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  TRY(proxmox::token_user(token).context("proxmox.tokenFile: " + path));
  return token;
}

std::string own_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  const std::string whole{name.data()};
  return whole.substr(0, whole.find('.'));  // nodes are never called by a domain
}

class OnProxmox final : public Provider {
 public:
  static Result<std::unique_ptr<Provider>> open(const AgentConfig& config, const Clock& clock,
                                                const Logger& log) {
    const ProxmoxConfig& wanted = *config.proxmox;
    proxmox::Access access;
    access.url = wanted.url;
    access.token = TRY(read_token(wanted.token_file));
    if (!wanted.ca_file.empty())
      access.ca_pem = TRY(read_required_file(wanted.ca_file).context("proxmox.caFile"));
    for (const std::string& text : wanted.fingerprints)
      access.fingerprints.push_back(
          TRY(proxmox::parse_fingerprint(text).context("proxmox.fingerprints")));
    proxmox::Options options;
    options.node = wanted.node.empty() ? own_name() : wanted.node;
    options.storages = wanted.storages;
    options.image_storages = wanted.image_storages;
    std::tie(options.first_vmid, options.last_vmid) = wanted.vmids();
    options.backup_storage = wanted.backup_storage;
    options.pool = wanted.pool;
    options.user = TRY(proxmox::token_user(access.token));
    options.log = log;
    auto exchange = TRY(proxmox::HttpsExchange::open(std::move(access)).context("proxmox.url"));
    return std::unique_ptr<Provider>{
        new OnProxmox{std::move(exchange), std::move(options), wanted, clock}};
  }

  host::Host ports() override { return host_.ports(); }
  Result<ProviderReport> check() override {
    ProviderReport report{"proxmox", address_, {}};
    for (proxmox::Check& check : TRY(host_.check()))
      report.checks.push_back({std::move(check.what), check.is_fine, std::move(check.problem)});
    return report;
  }
  Result<std::vector<TargetReport>> targets() override {
    std::vector<TargetReport> reports;
    for (proxmox::StorageFacts& facts : TRY(host_.storages()))
      reports.push_back({facts.target, "storage " + facts.storage, facts.size, facts.available,
                         std::move(facts.problem)});
    return reports;
  }

 private:
  OnProxmox(std::unique_ptr<proxmox::HttpsExchange> exchange, proxmox::Options options,
            const ProxmoxConfig& config, const Clock& clock)
      : exchange_{std::move(exchange)},
        address_{config.url},
        host_{*exchange_, std::move(options), clock} {}

  std::unique_ptr<proxmox::HttpsExchange> exchange_;
  std::string address_;
  proxmox::ProxmoxHost host_;
};

}  // namespace

Result<std::unique_ptr<Provider>> Provider::open(const AgentConfig& config, const Clock& clock,
                                                 const Logger& log) {
  return config.proxmox ? OnProxmox::open(config, clock, log) : OnLibvirt::open(config, clock, log);
}

}  // namespace holdfast
