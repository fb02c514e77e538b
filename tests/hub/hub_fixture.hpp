// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "http/https_client.hpp"
#include "hub/hub.hpp"
#include "hub/store.hpp"
#include "schema/hub_protocol.hpp"
#include "tests/catch.hpp"

namespace holdfast::hub {

// A folder that goes away with the test.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_{};
};

// Time that a test moves.
class ManualClock final : public Clock {
 public:
  Time now() const override { return Time{wall_}; }
  Duration elapsed() const override { return elapsed_; }
  void pass(Duration time) {
    wall_ += time;
    elapsed_ += time;
  }

 private:
  Duration wall_{1'780'000'000'000};
  Duration elapsed_{1'000'000};
};

template <class T>
T must(Result<T> result) {
  INFO((result ? std::string{} : result.error().describe()));
  REQUIRE(result);
  return std::move(result).value();
}
inline void must(const Result<void>& result) {
  INFO((result ? std::string{} : result.error().describe()));
  REQUIRE(result);
}

// A store in a folder of its own.
struct TestStore {
  TestStore();
  ~TestStore();
  void reopen();
  Folder folder{};
  std::unique_ptr<Store> store{};
};

// A client of either kind. Status 0: there was no answer, and the body says why.
class Caller {
 public:
  Caller(std::uint16_t port, const std::string& ca, const std::string& key);
  http::Response ask(const std::string& method, const std::string& path, std::string body = {},
                     std::map<std::string, std::string> query = {}, http::Headers headers = {});

 private:
  std::unique_ptr<http::HttpsClient> client_;
};

// A host as the protocol knows it, with a key of its own.
struct TestHost {
  TestHost();
  EnrollRequest enrolment(const std::string& token) const;
  std::string id{};
  std::string public_key{};
  std::string private_key{};
};

// A real hub behind real TLS, on a port of its own.
class TestHub {
 public:
  explicit TestHub(HubServerConfig config = {});
  ~TestHub();
  TestHub(const TestHub&) = delete;
  TestHub& operator=(const TestHub&) = delete;

  void stop() { hub_.reset(); }
  void start();

  Caller operator_caller() const;
  Caller stranger(const std::string& key = {}) const;
  std::string add_viewer(const std::string& name) const;

  // Enrols a new host; gives its id and key.
  struct Enrolled {
    std::string id{};
    std::string key{};
  };
  Enrolled enroll() const;
  std::string token() const;
  const std::string& ca() const { return ca_; }
  std::uint16_t port() const { return hub_->port(); }
  const DataDir& data() const { return data_; }

 private:
  Folder folder_{};
  DataDir data_{};
  HubServerConfig config_{};
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Hub> hub_{};
  std::string ca_{};
  std::string key_{};
};

// A valid request body.
std::string beat_body(std::uint64_t sequence, Duration pass_age = Duration{1'000},
                      const std::string& session = std::string(32, 'a'));
std::string sync_body(std::uint64_t sequence, const Held& have = {},
                      const std::string& session = std::string(32, 'b'));

// Takes requests over plain HTTP, as a webhook does, and keeps their bodies.
class Receiver {
 public:
  // `answers`: the status of the n-th request.
  explicit Receiver(std::function<int(std::size_t n)> answers = [](std::size_t) { return 200; });
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string url(const std::string& path = "/hook") const;
  // Waits, at most 20 s, until `is_enough` of what has come; gives all of it.
  struct Taken {
    std::string path{};
    std::string id{};  // Idempotency-Key
    std::string body{};
    int status = 0;
  };
  std::vector<Taken> wait_for(const std::function<bool(const std::vector<Taken>&)>& is_enough);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::hub
