// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/first_boot.hpp"

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/catch.hpp"
#include "tests/reconcilers/plan_facts.hpp"

using namespace holdfast;
using namespace holdfast::test;
namespace fs = std::filesystem;

namespace {

// The root of a machine that boots, for the boot hook to work on.
struct Machine {
  Machine() {
    std::string path = (fs::temp_directory_path() / "holdfast-first-boot-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    root = path;
    fs::create_directories(root / "etc");
    fs::create_directories(root / "var/lib/dbus");
  }
  ~Machine() { fs::remove_all(root); }

  void write(const char* file, const std::string& text) const {
    std::ofstream{root / file} << text;
  }
  std::string read(const char* file) const {
    std::ifstream in{root / file};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  // cloud-init hands a boot hook to the kernel without its first line.
  void boot(const GuestIdentity& identity) const {
    const std::string hook = vendor_data(identity);
    write("hook", hook.substr(hook.find('\n') + 1));
    const std::string command =
        "HOLDFAST_ROOT=" + root.string() + " sh " + (root / "hook").string();
    REQUIRE(std::system(command.c_str()) == 0);
  }

  fs::path root{};
};

}  // namespace

TEST_CASE("first boot: a guest gets a machine id of its own, whatever its image was packed with",
          "[first-boot]") {
  const GuestIdentity acme_identity = identity_of(acme());
  const Machine machine;
  machine.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  machine.write("var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n");
  machine.boot(acme_identity);
  CHECK(machine.read("etc/machine-id") == machine_id(acme_identity) + "\n");
  CHECK(machine.read("var/lib/dbus/machine-id") == machine_id(acme_identity) + "\n");

  SECTION("once: what its owner writes afterwards stays") {
    machine.write("etc/machine-id", "ffffffffffffffffffffffffffffffff\n");
    machine.boot(acme_identity);
    CHECK(machine.read("etc/machine-id") == "ffffffffffffffffffffffffffffffff\n");
  }
  SECTION("again when its data was replaced") {
    GuestIdentity reborn = acme_identity;
    reborn.incarnation = Incarnation{2};
    REQUIRE(machine_id(reborn) != machine_id(acme_identity));
    machine.boot(reborn);
    CHECK(machine.read("etc/machine-id") == machine_id(reborn) + "\n");
  }
}

TEST_CASE("first boot: an image without a machine id is left to make its own", "[first-boot]") {
  const Machine machine;
  machine.boot(identity_of(acme()));
  CHECK_FALSE(fs::exists(machine.root / "etc/machine-id"));
}

TEST_CASE("first boot: a linked D-Bus id is followed, not replaced", "[first-boot]") {
  const Machine machine;
  machine.write("etc/machine-id", "\n");
  fs::create_symlink("../../../etc/machine-id", machine.root / "var/lib/dbus/machine-id");
  machine.boot(identity_of(acme()));
  CHECK(fs::is_symlink(machine.root / "var/lib/dbus/machine-id"));
  CHECK(machine.read("var/lib/dbus/machine-id") == machine_id(identity_of(acme())) + "\n");
}

TEST_CASE("first boot: a machine id is what machine-id(5) wants", "[first-boot]") {
  const std::string id = machine_id(identity_of(acme()));
  CHECK(id.size() == 32);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
}
