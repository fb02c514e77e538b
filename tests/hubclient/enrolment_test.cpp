// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <openssl/evp.h>

#include "base/handle.hpp"
#include "hubclient/durable_file.hpp"
#include "hubclient/https_hub.hpp"
#include "schema/base64.hpp"
#include "tests/catch.hpp"
#include "tests/http/tls_fixture.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using http::http_answer;
using http::TestCa;
using http::TlsPeer;
using http::TlsServer;

struct StateFolder {
  std::string pattern = (fs::temp_directory_path() / "holdfast-enrol-XXXXXX").string();
  std::string path = mkdtemp(pattern.data());
  ~StateFolder() { fs::remove_all(path); }
  std::string file(const std::string& name) const { return path + "/" + name; }
  mode_t mode(const std::string& name) const {
    struct stat info {};
    REQUIRE(::stat(file(name).c_str(), &info) == 0);
    return info.st_mode & 07777U;
  }
};

bool verifies(const std::string& public_key, const std::string& message,
              const std::string& signature) {
  const Handle<EVP_PKEY, EVP_PKEY_free> key{EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(public_key.data()),
      public_key.size())};
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

// A hub that enrols whoever proves to hold the key of its id.
struct EnrollingHub {
  TestCa ca{};
  http::TlsIdentity identity = ca.issue();
  std::string bearer = std::string(43, 'k');
  std::string seen_key{};
  TlsServer server{identity, [this](TlsPeer& peer) {
                     for (auto request = peer.read_request(); !request.empty();
                          request = peer.read_request())
                       if (!peer.write(answer(request))) return;
                   }};
  EnrollToken token{std::string(32, '7'), identity.key_pin};

  std::string answer(const std::string& request) {
    const auto body = request.substr(request.find("\r\n\r\n") + 4);
    if (request.starts_with("POST /v1/enroll ")) return enrolling(body);
    const bool has_key = request.find("Authorization: Bearer " + bearer) != std::string::npos;
    if (!has_key) return http_answer(401, R"({"error":{"message":"unknown key"}})");
    if (request.find("/sync ") != std::string::npos) {
      const auto sync = parse_message<SyncRequest>(body);
      if (!sync) return http_answer(400, sync.error().message());
      return http_answer(200, to_json(SyncResponse{SystemClock{}.now(), {}, {}, {}, {}}));
    }
    return http_answer(200, to_json(HeartbeatResponse{SystemClock{}.now()}));
  }
  std::string enrolling(const std::string& body) {
    const auto request = parse_message<EnrollRequest>(body);
    if (!request) return http_answer(400, request.error().message());
    seen_key = request->public_key;
    const bool is_proved =
        request->host_id == host_id_of(request->public_key) && request->token == token.token &&
        verifies(request->public_key, enroll_message(request->token, request->host_id),
                 request->proof);
    if (!is_proved) return http_answer(403, R"({"error":{"message":"TokenSpent: no"}})");
    return http_answer(200, to_json(EnrollResponse{request->host_id, bearer, ca.pem()}));
  }
};

}  // namespace

TEST_CASE("enrolment key: it is made once, private, and the host's id comes from it",
          "[hubclient][enrolment]") {
  const StateFolder folder;
  const auto path = folder.file("enrolment.key");
  CHECK(EnrolmentKey::load(path).error().code() == Errc::not_found);
  const auto made = EnrolmentKey::create(path);
  REQUIRE(made);
  CHECK(folder.mode("enrolment.key") == 0600);
  const auto loaded = EnrolmentKey::load(path);
  REQUIRE(loaded);
  CHECK(loaded->public_key() == made->public_key());
  CHECK(loaded->public_key().size() == 32);
  CHECK(verifies(made->public_key(), "message", loaded->sign("message").value()));
  CHECK_FALSE(verifies(made->public_key(), "massage", loaded->sign("message").value()));
  std::ofstream{path} << "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  CHECK(EnrolmentKey::load(path).error().code() == Errc::corrupt);
}

TEST_CASE("enrolment: the token's pin names the hub, its answer gives key and CA for later",
          "[hubclient][enrolment]") {
  const StateFolder folder;
  EnrollingHub hub;
  const auto key = EnrolmentKey::create(folder.file("enrolment.key"));
  REQUIRE(key);
  const auto host_id = host_id_of(key->public_key());
  const auto access = enroll({.url = hub.server.url(),
                              .token = to_string(hub.token),
                              .host_id = host_id,
                              .hostname = "site-7",
                              .version = "1"},
                             *key, {});
  if (!access) FAIL(access.error().message());
  CHECK(hub.seen_key == key->public_key());
  REQUIRE(save_hub_access(folder.file("hub.json"), *access));
  CHECK(folder.mode("hub.json") == 0600);
  const auto loaded = load_hub_access(folder.file("hub.json"));
  REQUIRE(loaded);
  REQUIRE(*loaded);
  CHECK(**loaded == *access);

  auto channel = HttpsHub::open(**loaded, host_id);
  REQUIRE(channel);
  const auto synced = (*channel)->sync({.session = std::string(32, 'a')}, 1s, {});
  if (!synced) FAIL(synced.error().message());
  CHECK((*channel)->beat({.session = std::string(32, 'a')}, {}));

  auto stranger = HttpsHub::open({hub.server.url(), std::string(43, 'x'), access->ca}, host_id);
  const auto refused = (*stranger)->beat({.session = std::string(32, 'a')}, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::denied);
  CHECK(refused.error().message().find("unknown key") != std::string::npos);
}

TEST_CASE("enrolment: another hub, a spent token and a bad token are told apart",
          "[hubclient][enrolment]") {
  const StateFolder folder;
  EnrollingHub hub;
  EnrollingHub other;
  const auto key = EnrolmentKey::create(folder.file("enrolment.key"));
  const auto order = [&](const std::string& url, const std::string& token) {
    return enroll({.url = url, .token = token, .host_id = host_id_of(key->public_key())}, *key, {});
  };
  const auto elsewhere = order(other.server.url(), to_string(hub.token));
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().code() == Errc::denied);
  CHECK(other.seen_key.empty());  // the token was not shown to it
  const auto spent =
      order(hub.server.url(), to_string(EnrollToken{std::string(32, '8'), hub.token.pin}));
  REQUIRE_FALSE(spent);
  CHECK(spent.error().code() == Errc::denied);
  CHECK(spent.error().message().find("TokenSpent") != std::string::npos);
  CHECK(order(hub.server.url(), "nonsense").error().code() == Errc::invalid);
  CHECK(order("http://hub", to_string(hub.token)).error().code() == Errc::invalid);
}

TEST_CASE("hub access: a damaged file is an error, a missing one is none",
          "[hubclient][enrolment]") {
  const StateFolder folder;
  const auto missing = load_hub_access(folder.file("hub.json"));
  REQUIRE(missing);
  CHECK_FALSE(*missing);
  for (const auto* text : {"", "{}", "[]", R"({"url":"u","key":7,"ca":"c"})", "\xff"}) {
    std::ofstream{folder.file("hub.json")} << text;
    const auto loaded = load_hub_access(folder.file("hub.json"));
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code() == Errc::corrupt);
  }
}

TEST_CASE("durable file: a replaced file has its new mode and leaves nothing beside it",
          "[hubclient][enrolment]") {
  const StateFolder folder;
  std::ofstream{folder.file("secret")} << "old";
  std::ofstream{folder.file(".secret.new")} << "left by a crash";
  REQUIRE(replace_file(folder.file("secret"), "new", 0600));
  CHECK(read_file(folder.file("secret"), 10).value().value() == "new");
  CHECK(folder.mode("secret") == 0600);
  CHECK_FALSE(fs::exists(folder.file(".secret.new")));
  CHECK(read_file(folder.file("secret"), 2).error().code() == Errc::invalid);
  CHECK(replace_file(folder.file("no/such"), "x", 0600).error().code() == Errc::not_found);
}

}  // namespace holdfast
