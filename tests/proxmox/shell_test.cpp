// SPDX-License-Identifier: Apache-2.0
// The manners of the real server on the wire, as recorded: each check is one of its answers.
#include "http/https_client.hpp"
#include "tests/proxmox/https_shell.hpp"
#include "tests/proxmox/stand_in_fixture.hpp"

namespace holdfast::standin {
namespace {

struct ShellHost : Host {
  ShellHost() : shell{stand_in, ca.issue(), {.is_patient = false}}, client{connect()} {}

  std::unique_ptr<http::HttpsClient> connect() const {
    auto opened = http::HttpsClient::open({.url = shell.url(), .ca_pem = ca.pem()});
    REQUIRE(opened);
    return std::move(*opened);
  }
  Result<http::Response> ask(http::Request request) {
    request.headers["Authorization"] = authorization;
    return client->request(request);
  }
  int status(const http::Request& request) {
    const auto answer = ask(request);
    REQUIRE(answer);
    return answer->status;
  }

  http::TestCa ca;
  HttpsShell shell;
  std::unique_ptr<http::HttpsClient> client;
};

TEST_CASE("proxmox over TLS: a connection serves a hundred requests", "[proxmox]") {
  ShellHost host;
  for (int i = 0; i < 100; ++i) REQUIRE(host.status({.path = "/api2/json/version"}) == 200);
  CHECK(host.shell.connections() == 1);
  CHECK(host.status({.path = "/api2/json/version"}) == 200);
  CHECK(host.shell.connections() == 2);
  CHECK(host.shell.bytes_in() > 0);
  CHECK(host.shell.bytes_out() > host.shell.bytes_in() / 10);
}

TEST_CASE("proxmox over TLS: a refusal ends the connection", "[proxmox]") {
  ShellHost host;
  CHECK(host.status({.path = "/api2/json/nodes/pve1/nosuch"}) == 501);
  CHECK(host.status({.path = "/api2/json/nodes/pve1/lxc/999/config"}) == 500);
  CHECK(host.status({.method = "OPTIONS", .path = "/api2/json/version"}) == 501);
  CHECK(host.status({.path = "/nodes"}) == 501);
  CHECK(host.shell.connections() == 4);
  host.authorization = "PVEAPIToken=nobody@pve!x=y";
  const auto refused = host.ask({.path = "/api2/json/version"});
  REQUIRE(refused);
  CHECK(refused->status == 401);
  CHECK(refused->body.empty());
}

TEST_CASE("proxmox over TLS: volumes' ids pass through a path", "[proxmox]") {
  ShellHost host;
  host.stand_in.world().add_archive("local", {.vmid = 100});
  const auto id = host.stand_in.world().volumes_of(100, "backup").at(0)->id;
  CHECK(host.status({.path = "/api2/json/nodes/pve1/storage/local/content/" + id}) == 200);
}

TEST_CASE("proxmox over TLS: bodies are forms or JSON, and not too large", "[proxmox]") {
  ShellHost host;
  host.stand_in.world().add_guest(GuestKind::lxc, 100, {{"rootfs", "local:1"}}, "");
  http::Request request{.method = "PUT", .path = "/api2/json/nodes/pve1/lxc/100/config"};
  request.headers["Content-Type"] = "application/x-www-form-urlencoded";
  request.body = "tags=a%3Bb&memory=64";
  CHECK(host.status(request) == 200);
  CHECK(host.stand_in.world().find_guest(100)->config.at("tags") == "a;b");
  request.headers["Content-Type"] = "application/json";
  request.body = R"({"memory":"128","onboot":true})";
  CHECK(host.status(request) == 200);
  CHECK(host.stand_in.world().find_guest(100)->config.at("onboot") == "1");
  request.body = "{";
  CHECK(host.status(request) == 500);
  request.headers["Content-Type"] = "text/plain";
  CHECK(host.status(request) == 506);
  request.headers["Content-Type"] = "application/x-www-form-urlencoded";
  request.body = "description=" + std::string(600 * 1024, 'x');
  const auto answer = host.ask(request);
  CHECK((!answer || answer->status == 501));
}

TEST_CASE("proxmox over TLS: a lost answer is a broken connection", "[proxmox]") {
  ShellHost host;
  host.stand_in.add_fault({.kind = Fault::Kind::lost_after, .path = "/version"});
  const auto lost = host.ask({.path = "/api2/json/version"});
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code() == Errc::unavailable);
  CHECK(host.status({.path = "/api2/json/version"}) == 200);
}

}  // namespace
}  // namespace holdfast::standin
