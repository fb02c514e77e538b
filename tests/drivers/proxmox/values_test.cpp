// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/answer.hpp"
#include "drivers/proxmox/client.hpp"
#include "drivers/proxmox/guest_config.hpp"
#include "drivers/proxmox/https_exchange.hpp"
#include "drivers/proxmox/marker_text.hpp"
#include "drivers/proxmox/property.hpp"
#include "drivers/proxmox/upid.hpp"
#include "tests/catch.hpp"

using namespace holdfast;
using namespace holdfast::proxmox;

namespace {

http::Response answer(int status, const std::string& body) {
  http::Response response;
  response.status = status;
  response.body = body;
  return response;
}

Errc code(int status, const std::string& body) {
  const auto read = read_answer(answer(status, body));
  REQUIRE_FALSE(read);
  return read.error().code();
}

std::string message(const std::string& text) { return Json{{"message", text}}.dump(); }

MarkerText sample() {
  MarkerText text;
  text.marker.uuid = Uuid::parse("6f1c2a44-8f5e-4b7a-9c1d-0a2b3c4d5e6f").value();
  text.marker.incarnation = Incarnation{3};
  text.marker.name = "acme";
  text.marker.host_id = "0123";
  text.marker.provenance = "created";
  text.marker.detail = R"({"text":"<a --> 'b' \"c\">\n"})";
  text.marker.jobs = {{"00ff", Time{Duration{1'790'000'000'123}}}};
  text.vmid = 20'111;
  return text;
}

}  // namespace

TEST_CASE("proxmox answers: each place of an error has its kind", "[proxmox]") {
  CHECK(read_answer(answer(200, R"({"data":[1]})")).value() == Json::array({1}));
  CHECK(read_answer(answer(200, R"({"data":null})")).value().is_null());
  CHECK(code(200, "<html>") == Errc::unavailable);
  CHECK(code(200, "{}") == Errc::unavailable);
  CHECK(code(301, "") == Errc::invalid);
  CHECK(
      code(
          400,
          R"({"errors":{"vmid":"invalid format"},"message":"Parameter verification failed.\n"})") ==
      Errc::invalid);
  CHECK(
      code(400,
           R"({"errors":{"upid":"no such task"},"message":"Parameter verification failed.\n"})") ==
      Errc::not_found);
  CHECK(code(400, R"({"errors":{"script":"Only root may set this option."},"message":"x"})") ==
        Errc::denied);
  CHECK(code(401, "") == Errc::unavailable);
  CHECK(code(403, message("Permission check failed (/vms/100, VM.Audit)\n")) == Errc::denied);
  CHECK(code(500, message("Configuration file 'nodes/pve1/lxc/999.conf' does not exist\n")) ==
        Errc::not_found);
  CHECK(code(500, message("CT 100 already exists on node 'pve1'\n")) == Errc::conflict);
  CHECK(code(500, message("unable to create CT 777 - CT 777 already exists on node 'pve1'\n")) ==
        Errc::conflict);
  CHECK(code(500, message("CT is locked (backup)\n")) == Errc::conflict);
  CHECK(code(500, message("can't lock file '/var/lock/qemu-server/lock-1.conf' - got timeout\n")) ==
        Errc::unavailable);
  CHECK(
      code(500,
           message("detected modified configuration - file changed by other user? Try again.\n")) ==
      Errc::conflict);
  CHECK(code(500, message("checksum mismatch (file change by other user?)\n")) == Errc::conflict);
  CHECK(code(500, message("unable to shrink disk size\n")) == Errc::invalid);
  CHECK(code(500, message("only root can set 'args' config\n")) == Errc::denied);
  CHECK(code(500, message("storage 'nfs1' is not online\n")) == Errc::unavailable);
  // Something that is missing is not the guest: nothing may be concluded from it.
  CHECK(code(500, message("storage 'gone' does not exist\n")) == Errc::invalid);
  CHECK(code(500, message("volume 'local:1/x' does not exist\n")) == Errc::invalid);
  CHECK(code(500, message("some perl died at line 3\n")) == Errc::internal);
  CHECK(code(500, "not JSON") == Errc::internal);
  CHECK(code(501, message("Method 'GET /x' not implemented")) == Errc::internal);
  for (const int status : {502, 595, 596, 599}) CHECK(code(status, "") == Errc::unavailable);
}

TEST_CASE("proxmox answers: numbers may be texts", "[proxmox]") {
  const Json data{{"a", "0"}, {"b", 512}, {"c", "512"}, {"d", true}, {"e", "x"}};
  CHECK(number_of(data, "a", 7) == 0);
  CHECK(number_of(data, "b") == 512);
  CHECK(number_of(data, "c") == 512);
  CHECK(text_of(data, "d") == "1");
  CHECK(number_of(data, "e", 7) == 7);
  CHECK(number_of(data, "none", 7) == 7);
  CHECK(text_of(Json(nullptr), "a").empty());
}

TEST_CASE("proxmox tasks: an id is told from anything else", "[proxmox]") {
  const auto upid =
      parse_upid("UPID:pve1:000003B7:00044571:6B03258C:vzcreate:300:root@pam!agent:").value();
  CHECK(upid.node == "pve1");
  CHECK(upid.type == "vzcreate");
  CHECK(upid.id == "300");
  CHECK(upid.user == "root@pam!agent");
  CHECK(parse_upid("UPID:pve1:000003B7:000445711:6B03258C:vzdump::a@pve!t:").value().id.empty());
  CHECK(parse_upid("UPID:p:000003B7:00044571:6B03258C:imgdel:310@local:a@pve:").value().id ==
        "310@local");
  for (const char* bad : {"", "UPID", "UPID:pve1:000003B7:00044571:6B03258C:vzcreate:300:root@pam",
                          "UPID:../x:000003B7:00044571:6B03258C:vzcreate:300:root@pam:",
                          "UPID:pve1:3B7:00044571:6B03258C:vzcreate:300:root@pam:",
                          "UPID:pve1:000003B7:00044571:6B03258C:vz/create:300:root@pam:",
                          "UPID:pve1:000003B7:00044571:6B03258C:vzcreate:300:root@pam:x"})
    CHECK_FALSE(parse_upid(bad));
}

TEST_CASE("proxmox forms: what separates for Proxmox is encoded", "[proxmox]") {
  CHECK(to_form({{"tags", "a;b"}, {"size", "+1G"}, {"net0", "virtio,bridge=vmbr0"}}) ==
        "tags=a%3Bb&size=%2B1G&net0=virtio%2Cbridge%3Dvmbr0");
}

TEST_CASE("proxmox values: properties and sizes go there and back", "[proxmox]") {
  Property property = parse_property("local:300/vm-300-disk-0.raw,mp=/srv/db,backup=0,size=8G");
  CHECK(property.get("") == "local:300/vm-300-disk-0.raw");
  CHECK(property.get("mp") == "/srv/db");
  CHECK(to_string(property) == "local:300/vm-300-disk-0.raw,mp=/srv/db,backup=0,size=8G");
  property.set("backup", "1");
  property.erase("size");
  CHECK(to_string(property) == "local:300/vm-300-disk-0.raw,mp=/srv/db,backup=1");
  CHECK(parse_size("8G") == gibibytes(8));
  CHECK(parse_size("1.5G") == mebibytes(1536));
  CHECK(parse_size("512") == Bytes{512});
  for (const char* bad : {"", "G", "8GB", "-1", "x", "nan", "1e99"}) CHECK_FALSE(parse_size(bad));
  CHECK(size_text(gibibytes(8)) == "8G");
  CHECK(size_text(mebibytes(1536)) == "1536M");
  CHECK(size_text(Bytes{1000}) == "1000");
  CHECK(gibibytes_text(gibibytes(8)) == "8");
  CHECK(gibibytes_text(mebibytes(512)) == "0.5");
}

TEST_CASE("proxmox markers: a person's words around them stay", "[proxmox]") {
  const MarkerText text = sample();
  CHECK_FALSE(read_marker("").value());
  CHECK_FALSE(read_marker("Call Anna before you stop it.\n").value());
  const std::string first = with_marker("Call Anna.\n", text).value();
  CHECK(first.starts_with("Call Anna.\n<!-- "));
  const auto back = read_marker(first + "\nand Ben\n").value();
  REQUIRE(back);
  CHECK(back->marker == text.marker);
  CHECK(back->vmid == text.vmid);

  MarkerText next = text;
  next.marker.spec_digest = "sha256:other";
  const std::string second = with_marker(first + "\nand Ben\n", next).value();
  CHECK(second.starts_with("Call Anna.\n<!-- "));
  CHECK(second.ends_with(" -->\nand Ben"));
  CHECK(read_marker(second).value()->marker == next.marker);
  CHECK(with_marker(second, next).value() == second);
}

TEST_CASE("proxmox markers: one that cannot be read is not an absent one", "[proxmox]") {
  const std::string block = with_marker("", sample()).value();
  const auto corrupt = [](const std::string& text) {
    const auto read = read_marker(text);
    return !read && read.error().code() == Errc::corrupt;
  };
  CHECK(corrupt(block + "\n" + block));
  CHECK(corrupt(block.substr(0, block.size() - 4)));
  std::string broken = block;
  broken.replace(broken.find("\"uuid\""), 6, "\"uuxd\"");
  CHECK(corrupt(broken));
  broken = block;
  broken.replace(broken.find("2026-"), 5, "20x6-");
  CHECK(corrupt(broken));
  CHECK(with_marker(broken, sample()));  // it is replaced on a permit, not on a guess
  const auto full = with_marker(std::string(8000, 'x'), sample());
  REQUIRE_FALSE(full);
  CHECK(full.error().code() == Errc::exhausted);
}

TEST_CASE("proxmox configurations: another VMID's marker is not this guest's", "[proxmox]") {
  const std::string description = with_marker("", sample()).value();
  const Json data{{"description", description}, {"digest", "d"}};
  CHECK(own_marker(read_config({Kind::lxc, 20'111}, data)).value());
  CHECK_FALSE(own_marker(read_config({Kind::lxc, 20'112}, data)).value());
}

TEST_CASE("proxmox configurations: only what differs is sent", "[proxmox]") {
  const Config config = read_config(
      {Kind::lxc, 300}, {{"hostname", "acme"},
                         {"cores", 2},
                         {"memory", 2048},
                         {"cpuunits", 100},
                         {"net0", "name=eth0,bridge=vmbr0,hwaddr=02:00:00:00:00:01,tag=7"},
                         {"net1", "name=eth1,bridge=vmbr0,hwaddr=02:00:00:00:00:02"},
                         {"rootfs", "local:300/vm-300-disk-0.raw,size=16G"},
                         {"mp0", "fast:300/vm-300-disk-1.raw,mp=/srv/db,backup=1,size=1G"},
                         {"mp1", "/mnt/x,mp=/srv/bind"}});
  Options options;
  options.storages = {{"nvme", "fast"}};
  host::Shape shape = shape_of(config, options, {});
  REQUIRE(shape.disks.size() == 2);
  CHECK(shape.disks[1].name == "db");
  CHECK(shape.disks[1].target == "nvme");
  CHECK(shape.disks[1].is_backed_up);
  CHECK(changes_for(config, shape, "acme").value().empty());
  shape.memory = mebibytes(1024);
  shape.limits.cpu_shares.reset();
  shape.nics[0].source = "vmbr1";
  shape.nics[1].mac = "02:00:00:00:00:03";
  CHECK(changes_for(config, shape, "new").value() ==
        Form{{"hostname", "new"},
             {"memory", "1024"},
             {"net0", "name=eth0,bridge=vmbr1,hwaddr=02:00:00:00:00:01,tag=7"},
             {"net1", "name=eth1,bridge=vmbr0,hwaddr=02:00:00:00:00:03,ip=dhcp,type=veth"},
             {"delete", "cpuunits"}});
  shape.nics[0].kind = Interface::Kind::user;
  CHECK_FALSE(changes_for(config, shape, "acme"));
  CHECK_FALSE(changes_for(config, {.memory = Bytes{1'000'000}}, "acme"));
  CHECK_FALSE(changes_for(
      config, {.memory = mebibytes(64), .limits = {.io_read_bps = mebibytes(1)}}, "acme"));
}

TEST_CASE("proxmox access: tokens and fingerprints are checked before use", "[proxmox]") {
  CHECK(token_user("agent@pve!holdfast=1-2-3").value() == "agent@pve!holdfast");
  for (const char* bad : {"", "agent@pve", "agent@pve!x", "agent!x=1", "a@pve!x=", "a@pve!x=1\n"})
    CHECK_FALSE(token_user(bad));
  const std::string pairs =
      "CD:9E:DE:F1:02:F3:20:03:A3:00:28:E9:B0:86:0C:87:19:A5:79:02:A2:13:E1:4B:AD:5B:3C:37:AA:7E:"
      "98:07";
  CHECK(parse_fingerprint(pairs).value().size() == 32);
  CHECK(parse_fingerprint(pairs).value()[1] == '\x9e');
  CHECK_FALSE(parse_fingerprint(pairs.substr(3)));
  CHECK_FALSE(parse_fingerprint("zz" + pairs.substr(2)));
}
