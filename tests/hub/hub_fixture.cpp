// SPDX-License-Identifier: Apache-2.0
#include "tests/hub/hub_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <thread>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "base/handle.hpp"
#include "base/unique_fd.hpp"
#include "hub/sqlite_store.hpp"
#include "hub/uptime_clock.hpp"
#include "schema/hub_report.hpp"

namespace holdfast::hub {

using Json = nlohmann::json;

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "holdfast-hub-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}
Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TestStore::TestStore() { reopen(); }
TestStore::~TestStore() = default;
void TestStore::reopen() {
  store.reset();
  store = must(SqliteStore::open(folder.path() + "/hub.db", true));
}

Caller::Caller(std::uint16_t port, const std::string& ca, const std::string& key)
    : client_{must(http::HttpsClient::open(
          {.url = "https://127.0.0.1:" + std::to_string(port), .ca_pem = ca, .bearer = key}))} {}

http::Response Caller::ask(const std::string& method, const std::string& path, std::string body,
                           std::map<std::string, std::string> query, http::Headers headers) {
  http::Request request;
  request.method = method;
  request.path = path;
  request.body = std::move(body);
  request.query = std::move(query);
  request.headers = std::move(headers);
  // Catch is for one thread, and this is called from several.
  auto answer = client_->request(request, {.deadline = Duration{60'000}});
  if (!answer) return {.status = 0, .body = answer.error().describe()};
  return std::move(answer).value();
}

TestHost::TestHost() {
  const Handle<EVP_PKEY, EVP_PKEY_free> key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  public_key.resize(32);
  private_key.resize(32);
  std::size_t size = 32;
  REQUIRE(EVP_PKEY_get_raw_public_key(
              key.get(), reinterpret_cast<unsigned char*>(public_key.data()), &size) == 1);
  REQUIRE(EVP_PKEY_get_raw_private_key(
              key.get(), reinterpret_cast<unsigned char*>(private_key.data()), &size) == 1);
  id = host_id_of(public_key);
}

EnrollRequest TestHost::enrolment(const std::string& token) const {
  const Handle<EVP_PKEY, EVP_PKEY_free> key{EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(private_key.data()), 32)};
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
  const auto message = enroll_message(token, id);
  std::string proof(64, '\0');
  std::size_t size = proof.size();
  REQUIRE(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(proof.data()), &size,
                         reinterpret_cast<const unsigned char*>(message.data()),
                         message.size()) == 1);
  return {token, id, public_key, proof, "site-" + id.substr(0, 4), "0.2.0"};
}

TestHub::TestHub(HubServerConfig config)
    : data_{folder_.path() + "/hub"},
      config_{std::move(config)},
      clock_{std::make_unique<UptimeClock>()} {
  config_.listen = "127.0.0.1:0";
  must(init(data_, {{"127.0.0.1", "localhost"}, 8443}, clock_->now()));
  ca_ = must(read_file(data_.file("ca.pem")));
  const auto file = must(read_file(data_.file("operator.json")));
  key_ = Json::parse(file)["key"].get<std::string>();
  start();
}
TestHub::~TestHub() = default;

void TestHub::start() { hub_ = must(Hub::start({.data = data_, .config = config_}, *clock_)); }

Caller TestHub::operator_caller() const { return {port(), ca_, key_}; }
Caller TestHub::stranger(const std::string& key) const { return {port(), ca_, key}; }

std::string TestHub::add_viewer(const std::string& name) const {
  const auto store = must(SqliteStore::open(data_.database(), false));
  const auto file = must(add_operator(data_, *store, name, Role::viewer, clock_->now()));
  return Json::parse(file)["key"].get<std::string>();
}

std::string TestHub::token() const {
  const auto answer = operator_caller().ask("POST", "/v1/enroll-tokens");
  REQUIRE(answer.status == 200);
  return must(parse_enroll_token(must(parse_hub_report<EnrollTokenReport>(answer.body)).token))
      .token;
}

TestHub::Enrolled TestHub::enroll() const {
  const TestHost host;
  const auto answer = stranger().ask("POST", "/v1/enroll", to_json(host.enrolment(token())));
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return {host.id, must(parse_message<EnrollResponse>(answer.body)).key};
}

std::string beat_body(std::uint64_t sequence, Duration pass_age, const std::string& session) {
  return to_json(Heartbeat{.session = session, .sequence = sequence, .pass_age = pass_age});
}

std::string sync_body(std::uint64_t sequence, const Held& have, const std::string& session) {
  SyncRequest request{.session = session, .sequence = sequence};
  if (have.generation != 0) request.have = have;
  return to_json(request);
}

struct Receiver::State {
  UniqueFd listening{};
  std::uint16_t port = 0;
  std::function<int(std::size_t)> answers{};
  Guarded<std::vector<Taken>> taken{};
  std::jthread thread{};

  void serve(const std::stop_token& stop);
  void answer(int fd);
};

void Receiver::State::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd ready{listening.get(), POLLIN, 0};
    if (::poll(&ready, 1, 50) != 1) continue;
    const UniqueFd fd{::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (fd) answer(fd.get());
  }
}

void Receiver::State::answer(int fd) {
  std::string all;
  std::size_t head = std::string::npos;
  std::size_t length = 0;
  while (head == std::string::npos || all.size() < head + 4 + length) {
    char bytes[4096];
    const auto n = ::recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0) return;
    all.append(bytes, static_cast<std::size_t>(n));
    head = all.find("\r\n\r\n");
    const auto at = all.find("Content-Length: ");
    if (head != std::string::npos && at < head) length = std::stoul(all.substr(at + 16));
  }
  const auto key = all.find("Idempotency-Key: ");
  const auto path = all.find(' ') + 1;
  Taken request{all.substr(path, all.find(' ', path) - path),
                key < head ? all.substr(key + 17, 32) : "", all.substr(head + 4), 0};
  {
    auto list = taken.lock();
    request.status = answers(list->size());
    const std::string answer = "HTTP/1.1 " + std::to_string(request.status) +
                               " x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    list->push_back(std::move(request));
    static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
  }
  taken.notify_all();
}

Receiver::Receiver(std::function<int(std::size_t)> answers) : state_{std::make_unique<State>()} {
  state_->answers = std::move(answers);
  state_->listening = UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(state_->listening.get(), generic, size) == 0);
  REQUIRE(::listen(state_->listening.get(), 16) == 0);
  REQUIRE(::getsockname(state_->listening.get(), generic, &size) == 0);
  state_->port = ntohs(address.sin_port);
  state_->thread =
      std::jthread{[raw = state_.get()](const std::stop_token& stop) { raw->serve(stop); }};
}
Receiver::~Receiver() = default;

std::string Receiver::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(state_->port) + path;
}

std::vector<Receiver::Taken> Receiver::wait_for(
    const std::function<bool(const std::vector<Taken>&)>& is_enough) {
  auto taken = state_->taken.lock();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  taken.wait_until(std::stop_token{}, deadline, [&] { return is_enough(*taken); });
  return *taken;
}

}  // namespace holdfast::hub
