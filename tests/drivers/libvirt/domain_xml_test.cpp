// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/domain_xml.hpp"

#include <random>
#include <string>
#include <vector>

#include "drivers/libvirt/domain_parse.hpp"
#include "drivers/libvirt/xml_text.hpp"
#include "tests/catch.hpp"

namespace holdfast::libvirt {
namespace {

using host::GuestDefinition;

Platform qemu() {
  Platform platform;
  platform.machine = "q35";
  platform.emulator = "/usr/bin/qemu-system-x86_64";
  platform.host_cpus = 4;
  platform.max_cpus = 255;
  return platform;
}

GuestDefinition acme() {
  GuestDefinition guest;
  guest.marker.uuid = Uuid::parse("7d3e2c1a-5b4f-4e6d-8c9a-0f1e2d3c4b5a").value();
  guest.marker.incarnation = {3};
  guest.marker.name = "acme";
  guest.marker.detail = R"({"a":"<&>'\"","b":[1,2]})";
  guest.marker.spec_digest = "sha256:abc";
  guest.name = "acme";
  guest.shape.cpus = 2;
  guest.shape.memory = mebibytes(256);
  guest.shape.disks = {{"root", "nvme", "/srv/acme/root.raw", "raw", {}},
                       {"database-of-the-customer", "nvme", "/srv/a&b/db.qcow2", "qcow2", {}}};
  guest.shape.nics = {{"52:54:00:00:00:01", Interface::Kind::bridge, "br0", "virtio"},
                      {"52:54:00:00:00:02", Interface::Kind::network, "default", "virtio"},
                      {"52:54:00:00:00:03", Interface::Kind::user, "", "e1000e"}};
  guest.shape.limits = {512, mebibytes(100), mebibytes(50)};
  guest.shape.seed_path = "/srv/acme/seed.iso";
  guest.kernel = "/images/vmlinuz";
  guest.initrd = "/images/initrd";
  guest.cmdline = "console=ttyS0 a=\"b\" <c>";
  return guest;
}

void check_same(const ParsedDomain& parsed, const GuestDefinition& guest) {
  CHECK(parsed.problem.empty());
  CHECK(parsed.uuid == guest.marker.uuid);
  CHECK(parsed.name == guest.name);
  REQUIRE(parsed.metadata);
  CHECK(parsed.metadata->marker == guest.marker);
  CHECK(parsed.shape == guest.shape);
  CHECK(parsed.kernel == guest.kernel);
  CHECK(parsed.initrd == guest.initrd);
  CHECK(parsed.cmdline == guest.cmdline);
}

ParsedDomain round_trip(const GuestDefinition& guest, const Platform& platform = qemu()) {
  const auto xml = render_domain(guest, platform);
  if (!xml) FAIL(xml.error().describe());
  return parse_domain(*xml, platform);
}

TEST_CASE("domain xml: every part of a definition reads back", "[libvirt]") {
  check_same(round_trip(acme()), acme());
}

TEST_CASE("domain xml: the smallest definition reads back", "[libvirt]") {
  GuestDefinition guest;
  guest.marker.uuid = acme().marker.uuid;
  guest.name = "small";
  guest.shape.memory = mebibytes(16);
  check_same(round_trip(guest), guest);
}

TEST_CASE("domain xml: shares become a weight on control groups v2 and read back", "[libvirt]") {
  Platform weights = qemu();
  weights.cpu_weights = true;
  for (const unsigned shares : {2U, 100U, 1000U, 1024U, 4096U, 262144U}) {
    GuestDefinition guest = acme();
    guest.shape.limits.cpu_shares = shares;
    const auto xml = render_domain(guest, weights).value();
    CHECK(parse_domain(xml, weights).shape == guest.shape);
  }
  CHECK(scheduler_weight(1024, weights) == 100);
  CHECK(scheduler_weight(262144, weights) == 10000);
  CHECK(scheduler_weight(262144, qemu()) == 262144);
}

TEST_CASE("domain xml: somebody else's weight is shown as it is", "[libvirt]") {
  Platform weights = qemu();
  weights.cpu_weights = true;
  std::string xml = render_domain(acme(), weights).value();
  const auto at = xml.find("<shares>50<");
  REQUIRE(at != std::string::npos);
  xml.replace(at, 10, "<shares>77");
  CHECK(parse_domain(xml, weights).shape.limits.cpu_shares == 77U);
}

TEST_CASE("domain xml: an amended domain says the new definition", "[libvirt]") {
  const auto before = render_domain(acme(), qemu()).value();
  GuestDefinition guest = acme();
  SECTION("cpus and memory") {
    guest.shape.cpus = 6;
    guest.shape.memory = gibibytes(1);
  }
  SECTION("without limits") { guest.shape.limits = {}; }
  SECTION("other disks") {
    guest.shape.disks.pop_back();
    guest.shape.disks.push_back({"media", "usb", "/mnt/media.raw", "raw", {}});
  }
  SECTION("an overlay") { guest.shape.disks[0].path = "/srv/acme/root@s1.qcow2"; }
  SECTION("other interfaces") {
    guest.shape.nics.erase(guest.shape.nics.begin());
    guest.shape.nics.push_back({"52:54:00:00:00:09", Interface::Kind::bridge, "br9", "virtio"});
  }
  SECTION("an interface elsewhere") { guest.shape.nics[0].source = "br7"; }
  SECTION("without seed and kernel") {
    guest.shape.seed_path.clear();
    guest.kernel.clear();
    guest.initrd.clear();
    guest.cmdline.clear();
  }
  SECTION("another marker") {
    guest.marker.incarnation = {4};
    guest.marker.detail = "{}";
  }
  const auto after = amend_domain(before, guest, qemu()).value();
  check_same(parse_domain(after, qemu()), guest);
  const auto again = amend_domain(after, guest, qemu()).value();
  CHECK(amend_domain(again, guest, qemu()).value() == again);  // it comes to rest
}

TEST_CASE("domain xml: amending keeps what the definition does not speak of", "[libvirt]") {
  std::string xml = render_domain(acme(), qemu()).value();
  const auto insert = [&](const std::string& before, const std::string& what) {
    const auto at = xml.find(before);
    REQUIRE(at != std::string::npos);
    xml.insert(at, what);
  };
  insert("</devices>", "<hostdev mode='subsystem' type='usb'/>");
  insert("<serial>root", "<address type='pci' bus='0x07'/>");
  insert("</metadata>", "<other:app xmlns:other='https://example.org/'>x</other:app>");
  GuestDefinition guest = acme();
  guest.shape.disks[0].path = "/srv/acme/root@s1.qcow2";
  guest.shape.disks[0].format = "qcow2";
  const auto after = amend_domain(xml, guest, qemu()).value();
  CHECK(after.find("<hostdev") != std::string::npos);
  CHECK(after.find("bus=\"0x07\"") != std::string::npos);
  CHECK(after.find("other:app") != std::string::npos);
  check_same(parse_domain(after, qemu()), guest);
}

TEST_CASE("domain xml: what XML cannot carry is refused", "[libvirt]") {
  GuestDefinition guest = acme();
  SECTION("a control character") { guest.marker.detail = "a\x01"; }
  SECTION("no UTF-8") { guest.marker.detail = "\xff\xfe"; }
  SECTION("an overlong form") { guest.cmdline = "\xc0\xaf"; }
  SECTION("a surrogate") { guest.marker.name = "\xed\xa0\x80"; }
  SECTION("a relative path") { guest.shape.disks[0].path = "root.raw"; }
  SECTION("an unknown format") { guest.shape.disks[0].format = "vmdk"; }
  SECTION("a name with a slash") { guest.name = "a/b"; }
  SECTION("no name") { guest.name.clear(); }
  SECTION("no MAC") { guest.shape.nics[0].mac = "52:54:00:00:00"; }
  SECTION("a bridge without a name") { guest.shape.nics[0].source.clear(); }
  SECTION("no CPU") { guest.shape.cpus = 0; }
  SECTION("the nil UUID") { guest.marker.uuid = Uuid{}; }
  const auto xml = render_domain(guest, qemu());
  REQUIRE_FALSE(xml);
  CHECK(xml.error().code() == Errc::invalid);
}

TEST_CASE("domain xml: serials are short and tell long names apart", "[libvirt]") {
  CHECK(serial_of("root") == "root");
  CHECK(serial_of(std::string(20, 'a')) == std::string(20, 'a'));
  const auto one = serial_of("a-very-long-volume-name-1");
  const auto two = serial_of("a-very-long-volume-name-2");
  CHECK(one.size() <= max_serial);
  CHECK(one != two);
}

// --- reading what others wrote

TEST_CASE("domain parse: strangers are read and carry no marker", "[libvirt]") {
  const auto parsed = parse_domain(R"(<domain type='kvm'>
    <name>theirs</name><uuid>7d3e2c1a-5b4f-4e6d-8c9a-0f1e2d3c4b5a</uuid>
    <metadata><libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'/>
      <x:guest xmlns:x='https://example.org/' uuid='7d3e2c1a-5b4f-4e6d-8c9a-0f1e2d3c4b5a'/></metadata>
    <memory unit='GiB'>2</memory><currentMemory unit='MiB'>512</currentMemory><vcpu>3</vcpu>
    <devices>
      <disk type='block' device='disk'><source dev='/dev/sdz'/><target dev='vda'/></disk>
      <disk type='network' device='disk'><source protocol='rbd' name='p/i'/><target dev='vdb'/></disk>
      <interface type='hostdev'><mac address='AA:BB:CC:DD:EE:FF'/></interface>
    </devices></domain>)",
                                   qemu());
  CHECK(parsed.name == "theirs");
  CHECK_FALSE(parsed.metadata);
  CHECK(parsed.shape.memory == mebibytes(512));
  CHECK(parsed.shape.cpus == 3);
  REQUIRE(parsed.shape.disks.size() == 2);
  CHECK(parsed.shape.disks[0].path == "/dev/sdz");
  CHECK(parsed.shape.nics.at(0).mac == "aa:bb:cc:dd:ee:ff");
  CHECK(parsed.problem.find("hostdev") != std::string::npos);
}

TEST_CASE("domain parse: a marker under another prefix is ours", "[libvirt]") {
  std::string xml = render_domain(acme(), qemu()).value();
  for (std::size_t at = 0; (at = xml.find("holdfast:", at)) != std::string::npos;) {
    xml.replace(at, 9, "ns0:");
  }
  const auto at = xml.find("xmlns:holdfast");
  REQUIRE(at != std::string::npos);
  xml.replace(at, 14, "xmlns:ns0");
  check_same(parse_domain(xml, qemu()), acme());
}

TEST_CASE("domain parse: a marker that cannot be read makes a stranger with a problem",
          "[libvirt]") {
  std::string xml = render_domain(acme(), qemu()).value();
  const auto at = xml.find("incarnation=\"3\"");
  REQUIRE(at != std::string::npos);
  xml.replace(at, 15, "incarnation=\"x\"");
  const auto parsed = parse_domain(xml, qemu());
  CHECK_FALSE(parsed.metadata);
  CHECK_FALSE(parsed.problem.empty());
}

TEST_CASE("domain parse: garbage is a problem and never a crash", "[libvirt]") {
  for (const std::string& xml : std::vector<std::string>{
           "", "x", "<", "<domain", "<domain/>", "<other/>", "<domain><vcpu>-1</vcpu></domain>",
           "<domain><memory unit='XiB'>9</memory></domain>", std::string(2U << 20U, '<')}) {
    CHECK_FALSE(parse_domain(xml, qemu()).problem.empty());
  }
}

TEST_CASE("domain parse: random damage to a domain never crashes it", "[libvirt]") {
  const std::string whole = render_domain(acme(), qemu()).value();
  std::mt19937 random{20261122};
  const auto below = [&](std::size_t n) { return random() % n; };
  for (int round = 0; round < 3000; ++round) {
    std::string xml = whole;
    for (std::size_t cuts = 1 + below(6); cuts > 0; --cuts) {
      if (xml.empty()) break;
      const std::size_t at = below(xml.size());
      switch (below(4)) {
        case 0: xml[at] = static_cast<char>(below(256)); break;
        case 1: xml.erase(at, 1 + below(40)); break;
        case 2: xml.insert(at, xml.substr(below(xml.size()), below(60))); break;
        default: xml.resize(at + 1); break;
      }
    }
    const auto parsed = parse_domain(xml, qemu());
    // What can be amended is a domain that can be read again.
    const auto amended = amend_domain(xml, acme(), qemu());
    if (amended) CHECK(parse_domain(*amended, qemu()).shape.cpus == acme().shape.cpus);
    if (parsed.metadata) CHECK_FALSE(to_string(parsed.metadata->marker.uuid).empty());
  }
}

TEST_CASE("domain parse: devices are found by serial or MAC without this run's details",
          "[libvirt]") {
  const std::string xml = render_domain(acme(), qemu()).value();
  CHECK(find_device(xml, "interface", "52:54:00:00:00:02").find("default") != std::string::npos);
  CHECK(find_device(xml, "interface", "52:54:00:ff:00:02").empty());
  CHECK(find_device(xml, "disk", serial_of("database-of-the-customer")).find("db.qcow2") !=
        std::string::npos);
  CHECK(find_device(xml, "disk", "").empty());
}

TEST_CASE("platform: domain capabilities say what guests can be", "[libvirt]") {
  const auto platform = parse_domain_capabilities(
      "<domainCapabilities><path>/q</path><domain>kvm</domain><machine>pc-i440fx-7.2</machine>"
      "<arch>x86_64</arch><vcpu max='255'/></domainCapabilities>");
  REQUIRE(platform);
  CHECK(platform->domain_type == "kvm");
  CHECK(platform->emulator == "/q");
  CHECK(platform->machine == "q35");
  CHECK(platform->max_cpus == 255);
  CHECK_FALSE(parse_domain_capabilities("<other/>"));
  CHECK_FALSE(parse_domain_capabilities("<domainCapabilities/>"));
}

}  // namespace
}  // namespace holdfast::libvirt
