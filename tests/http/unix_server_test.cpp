// SPDX-License-Identifier: Apache-2.0
#include "http/unix_server.hpp"

#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "tests/http/server_fixture.hpp"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;

Response echo(const Request& request) {
  std::string text = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) text += " " + name + "=" + value;
  return {201, "text/plain", text + "|" + request.body};
}

TEST_CASE("unix server: a request and its answer arrive whole", "[http]") {
  const ScratchFolder folder;
  const auto server = serve(at(folder.socket()), echo);
  Request asked;
  asked.method = "PUT";
  asked.path = "/v1/guests/a b";
  asked.query = {{"why", "x & y"}};
  asked.body = std::string("body\0with zero", 14);
  const auto answer = request(to(folder.socket()), asked);
  REQUIRE(answer);
  CHECK(answer->status == 201);
  CHECK(answer->content_type == "text/plain");
  CHECK(answer->body == "PUT /v1/guests/a b why=x & y|" + asked.body);
}

TEST_CASE("unix server: every method and a body of some MiB pass", "[http]") {
  const ScratchFolder folder;
  const auto server = serve(at(folder.socket()), echo);
  Request asked;
  asked.path = "/x";
  asked.method = GENERATE("GET", "POST", "PUT", "PATCH", "DELETE");
  if (asked.method != "GET") asked.body = std::string(5 << 20, 'b');
  const auto answer = request(to(folder.socket()), asked);
  REQUIRE(answer);
  CHECK(answer->body == asked.method + " /x|" + asked.body);
}

TEST_CASE("unix server: HEAD gets no body and the connection goes on", "[http]") {
  const ScratchFolder folder;
  const auto server = serve(at(folder.socket()), echo);
  const RawClient client{folder.socket()};
  client.send(
      "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\nGET /y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const auto answers = client.read_to_end();
  CHECK(answers.find("HEAD /x|") == std::string::npos);
  CHECK(answers.find("Content-Length: 8\r\n") != std::string::npos);
  CHECK(answers.find("GET /y|") != std::string::npos);
}

TEST_CASE("unix server: the handler sees who asks and the headers", "[http]") {
  const ScratchFolder folder;
  std::optional<Peer> peer;
  Headers headers;
  {
    const auto server = serve(at(folder.socket()), [&](const Request& asked) {
      peer = asked.peer;
      headers = asked.headers;
      return Response{};
    });
    Request asked;
    asked.headers["X-Reason"] = "ticket 4711";
    REQUIRE(request(to(folder.socket()), asked));
  }
  REQUIRE(peer);
  CHECK(peer->uid == ::geteuid());
  CHECK(peer->gid == ::getegid());
  CHECK(peer->pid == ::getpid());
  CHECK(headers.at("x-reason") == "ticket 4711");
}

TEST_CASE("unix server: many long requests do not hold up a short one", "[http]") {
  const ScratchFolder folder;
  Event release;
  std::atomic<int> waiting{0};
  Event all_waiting;
  const auto server = serve(at(folder.socket()), [&](const Request& asked) {
    if (asked.path == "/slow") {
      if (++waiting == 8) all_waiting.set();
      release.wait();
    }
    return Response{200, "text/plain", asked.path};
  });
  std::vector<std::future<Result<Response>>> slow;
  for (int i = 0; i < 8; ++i)
    slow.push_back(std::async(std::launch::async, [&] {
      Request asked;
      asked.path = "/slow";
      return request(to(folder.socket()), asked);
    }));
  CHECK(all_waiting.wait());
  Request quick;
  quick.path = "/quick";
  const auto answer = request(to(folder.socket()), quick);
  release.set();
  REQUIRE(answer);
  CHECK(answer->body == "/quick");
  for (auto& pending : slow) {
    const auto late = pending.get();
    REQUIRE(late);
    CHECK(late->body == "/slow");
  }
}

TEST_CASE("unix server: an idle one stops at once and takes its socket along", "[http]") {
  const ScratchFolder folder;
  auto fastest = std::chrono::steady_clock::duration{10s};
  for (int attempt = 0; attempt < 5; ++attempt) {  // a busy machine may spoil some
    auto server = serve(at(folder.socket()), echo);
    REQUIRE(request(to(folder.socket()), {}));
    const RawClient silent{folder.socket()};
    const RawClient half{folder.socket()};
    half.send("GET / HT");
    const auto start = std::chrono::steady_clock::now();
    server.reset();
    fastest = std::min(fastest, std::chrono::steady_clock::now() - start);
    CHECK_FALSE(std::filesystem::exists(folder.socket()));
    CHECK(silent.read_to_end().empty());
  }
  CHECK(fastest < 100ms);
}

TEST_CASE("unix server: stopping tells a running handler and delivers its answer", "[http]") {
  const ScratchFolder folder;
  Event started;
  Event never;
  auto server = serve(at(folder.socket()), [&](const Request& asked) {
    started.set();
    never.wait(asked.stop);
    return Response{200, "text/plain", asked.stop.stop_requested() ? "told" : "gave up"};
  });
  auto pending =
      std::async(std::launch::async, [&] { return request(to(folder.socket()), Request{}); });
  REQUIRE(started.wait());
  const auto start = std::chrono::steady_clock::now();
  server.reset();
  CHECK(std::chrono::steady_clock::now() - start < 2s);
  const auto answer = pending.get();
  REQUIRE(answer);
  CHECK(answer->body == "told");
}

TEST_CASE("unix server: a handler learns that its client left", "[http]") {
  const ScratchFolder folder;
  Event started;
  Event told;
  const auto server = serve(at(folder.socket()), [&](const Request& asked) {
    started.set();
    Event never;
    never.wait(asked.stop);
    if (asked.stop.stop_requested()) told.set();
    return Response{};
  });
  RawClient client{folder.socket()};
  client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  REQUIRE(started.wait());
  client.hang_up();
  CHECK(told.wait());
}

TEST_CASE("unix server: a handler that throws is answered 500 and the server lives", "[http]") {
  const ScratchFolder folder;
  const auto server = serve(at(folder.socket()), [](const Request& asked) -> Response {
    if (asked.path == "/throw") throw std::runtime_error{"secret detail"};
    if (asked.path == "/odd") throw 7;
    if (asked.path == "/status") return {9999, "text/plain", ""};
    return {};
  });
  for (const auto* path : {"/throw", "/odd", "/status"}) {
    Request asked;
    asked.path = path;
    const auto answer = request(to(folder.socket()), asked);
    REQUIRE(answer);
    CHECK(answer->status == 500);
    CHECK(answer->body.find("secret") == std::string::npos);
  }
  const auto after = request(to(folder.socket()), {});
  REQUIRE(after);
  CHECK(after->status == 200);
}

TEST_CASE("unix server: the socket has the mode and group that were asked for", "[http]") {
  const ScratchFolder folder;
  auto options = at(folder.socket());
  options.mode = 0620;
  if (::geteuid() == 0) options.group = 12;
  const auto server = serve(options, echo);
  struct stat info {};
  REQUIRE(::stat(folder.socket().c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0620);
  if (options.group) CHECK(info.st_gid == 12);
}

TEST_CASE("unix server: a second one on the same socket is refused", "[http]") {
  const ScratchFolder folder;
  const auto server = serve(at(folder.socket()), echo);
  const auto second = UnixServer::listen(at(folder.socket()), echo);
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == Errc::conflict);
  CHECK(second.error().message().find("another holdfastd is running") != std::string::npos);
  CHECK(request(to(folder.socket()), {}));  // the first one still has it
}

TEST_CASE("unix server: a dead server's socket is taken over", "[http]") {
  const ScratchFolder folder;
  const auto child = ::fork();
  if (child == 0) {
    const auto orphan = UnixServer::listen(at(folder.socket()), echo);
    ::_exit(orphan ? 0 : 1);  // no destructor: the name stays
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(std::filesystem::exists(folder.socket()));
  const auto dead = request(to(folder.socket()), {});
  REQUIRE_FALSE(dead);
  CHECK(dead.error().code() == Errc::unavailable);

  const auto server = serve(at(folder.socket()), echo);
  CHECK(request(to(folder.socket()), {}));
}

TEST_CASE("unix server: of many that start at once exactly one serves", "[http]") {
  const ScratchFolder folder;
  std::vector<std::future<Result<std::unique_ptr<UnixServer>>>> starting;
  for (int i = 0; i < 8; ++i)
    starting.push_back(std::async(std::launch::async,
                                  [&] { return UnixServer::listen(at(folder.socket()), echo); }));
  std::vector<std::unique_ptr<UnixServer>> serving;
  for (auto& start : starting) {
    auto server = start.get();
    if (server)
      serving.push_back(std::move(server).value());
    else
      CHECK(server.error().code() == Errc::conflict);
  }
  CHECK(serving.size() == 1);
  CHECK(request(to(folder.socket()), {}));
}

TEST_CASE("unix server: a name it cannot have is an error", "[http]") {
  const ScratchFolder folder;
  const auto code = [&](const std::string& path) {
    const auto server = UnixServer::listen(at(path), echo);
    REQUIRE_FALSE(server);
    return server.error().code();
  };
  std::ofstream{folder.socket()} << "a customer's file";
  CHECK(code(folder.socket()) == Errc::invalid);
  CHECK(std::filesystem::file_size(folder.socket()) == 17);
  CHECK(code(folder.socket() + "/no/such/folder") == Errc::not_found);
  CHECK(code("/tmp/" + std::string(108, 'x')) == Errc::invalid);
}

TEST_CASE("unix client: nobody there is unavailable and says what to check", "[http]") {
  const ScratchFolder folder;
  const auto answer = request(to(folder.socket()), {});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Errc::unavailable);
  CHECK(answer.error().message().find("cannot reach holdfastd at " + folder.socket() +
                                      ": is it running?") == 0);
}

TEST_CASE("unix client: a socket it may not open is denied", "[http]") {
  if (::geteuid() != 0) {
    WARN("skipped: needs root to become somebody else");
    return;
  }
  const ScratchFolder folder;
  auto options = at(folder.socket());
  options.mode = 0600;
  const auto server = serve(options, echo);
  std::filesystem::permissions(std::filesystem::path{folder.socket()}.parent_path(),
                               std::filesystem::perms{0755});
  const auto child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    const auto answer = request(to(folder.socket()), {});
    ::_exit(!answer && answer.error().code() == Errc::denied ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("unix client: a late answer is unavailable", "[http]") {
  const ScratchFolder folder;
  Event release;
  const auto server = serve(at(folder.socket()), [&](const Request&) {
    release.wait();
    return Response{};
  });
  auto options = to(folder.socket());
  options.deadline = Duration{50};
  const auto answer = request(options, {});
  release.set();
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Errc::unavailable);
  CHECK(answer.error().message().find("within 50ms") != std::string::npos);
}

TEST_CASE("unix client: an answer that is too large is invalid", "[http]") {
  const ScratchFolder folder;
  const auto server = serve(at(folder.socket()), [](const Request&) {
    return Response{200, "text/plain", std::string(1001, 'x')};
  });
  auto options = to(folder.socket());
  options.max_body = 1000;
  const auto answer = request(options, {});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Errc::invalid);
  options.max_body = 1001;
  CHECK(request(options, {}));
}

TEST_CASE("unix client: requests that could smuggle are not sent", "[http]") {
  const ScratchFolder folder;
  std::atomic<int> seen{0};
  const auto server = serve(at(folder.socket()), [&](const Request&) {
    ++seen;
    return Response{};
  });
  Request asked;
  SECTION("a header with a line end") { asked.headers["X"] = "a\r\nX-Uid: 0"; }
  SECTION("a method with a space") { asked.method = "GET /x"; }
  SECTION("no path") { asked.path = "guests"; }
  const auto answer = request(to(folder.socket()), asked);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Errc::invalid);
  CHECK(seen == 0);
}

}  // namespace
}  // namespace holdfast::http
