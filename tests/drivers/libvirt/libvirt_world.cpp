// SPDX-License-Identifier: Apache-2.0
#include "tests/drivers/libvirt/libvirt_world.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace holdfast::libvirt {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "holdfast-libvirt-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
  fs::permissions(name, fs::perms::others_exec, fs::perm_options::add);  // QEMU is not root
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TemporaryFolder::add_disk(const std::string& name, Bytes size) const {
  const fs::path path = path_ / name;
  std::ofstream{path}.close();
  fs::resize_file(path, size.value);
  return path.string();
}

LibvirtWorld::LibvirtWorld(std::string uri, Options options) : uri_{std::move(uri)} {
  options.uri = uri_;
  auto opened = LibvirtHost::open(options, clock_);
  if (!opened) throw std::runtime_error{opened.error().describe()};
  host_ = std::move(opened).value();
}

LibvirtWorld::~LibvirtWorld() {
  mend();
  for (const Uuid& uuid : made_) {
    const DomainHandle domain = find(uuid);
    if (!domain) continue;
    virDomainDestroy(domain.get());
    virDomainUndefineFlags(domain.get(), unsigned{VIR_DOMAIN_UNDEFINE_MANAGED_SAVE} |
                                             unsigned{VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA});
  }
}

virConnect* LibvirtWorld::administrator() {
  if (!administrator_ || virConnectIsAlive(administrator_.get()) != 1) {
    administrator_.reset(virConnectOpen(uri_.c_str()));
  }
  return administrator_.get();
}

DomainHandle LibvirtWorld::find(const Uuid& uuid) {
  virConnect* connection = administrator();
  if (connection == nullptr) return {};
  return DomainHandle{virDomainLookupByUUID(connection, uuid.bytes().data())};
}

host::GuestDefinition LibvirtWorld::definition(const std::string& name) {
  host::GuestDefinition definition;
  const Uuid uuid = Uuid::random(random_);
  const std::string text = to_string(uuid);
  definition.marker.uuid = uuid;
  definition.marker.name = name;
  definition.marker.host_id = "0123456789abcdef0123456789abcdef";
  definition.marker.provenance = "created";
  definition.marker.spec_digest = "sha256:one";
  definition.name = name;
  definition.shape.memory = mebibytes(64);
  definition.shape.disks.push_back(
      {"root", "local", folder_.add_disk(text + ".raw", mebibytes(16)), "raw", mebibytes(16)});
  definition.shape.nics.push_back(
      {"52:54:00:" + text.substr(0, 2) + ":" + text.substr(2, 2) + ":" + text.substr(4, 2),
       Interface::Kind::user, "", "virtio"});
  made_.push_back(uuid);
  return definition;
}

Uuid LibvirtWorld::add_foreign(const std::string& name) {
  const Uuid uuid = Uuid::random(random_);
  const std::string type = is_qemu() ? "qemu" : "test";
  const std::string arch = is_qemu() ? "x86_64" : "i686";
  const std::string xml =
      "<domain type='" + type + "'><name>" + name + "</name><uuid>" + to_string(uuid) +
      "</uuid><memory unit='MiB'>64</memory><os><type arch='" + arch + "'>hvm</type></os></domain>";
  made_.push_back(uuid);
  const DomainHandle domain{virDomainDefineXML(administrator(), xml.c_str())};
  if (!domain) throw std::runtime_error{"cannot define a stranger"};
  return uuid;
}

gate::Permit LibvirtWorld::permit(gate::Verb verb, const Uuid& uuid, Incarnation incarnation) {
  return mint_.permit(verb, uuid, incarnation);
}

bool LibvirtWorld::wait_until(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return true;
}

// The sandbox has these two on its PATH; nothing else kills a daemon.
bool LibvirtWorld::cut() {
  if (!is_qemu() || std::getenv("HOLDFAST_SANDBOX") == nullptr) return false;
  return std::system("kill-libvirtd >/dev/null 2>&1") == 0;
}

void LibvirtWorld::mend() {
  if (!is_qemu() || std::getenv("HOLDFAST_SANDBOX") == nullptr) return;
  if (administrator() == nullptr) static_cast<void>(std::system("start-libvirtd >/dev/null 2>&1"));
}

}  // namespace holdfast::libvirt
