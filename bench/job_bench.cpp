// SPDX-License-Identifier: Apache-2.0
// Signed jobs verified in a second of one processor, whatever else the machine does: from the
// envelope's JSON to a job that may be believed, beside the limit, OpenSSL's bare Ed25519
// verification of as many bytes.
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

#include <openssl/evp.h>

#include "base/handle.hpp"
#include "jobs/verified_job.hpp"
#include "tests/signing/forge.hpp"

using namespace holdfast;

namespace {

constexpr double measured_for = 2;  // seconds
constexpr int rounds = 3;           // the best of them: caches are shared, too

// Of this thread, in seconds.
double cpu_time() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

double rate_of(const std::function<bool()>& work) {
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const double start = cpu_time();
    long count = 0;
    while (cpu_time() - start < measured_for) {
      for (int i = 0; i < 20; ++i, ++count)
        if (!work()) return -1;
    }
    best = std::max(best, static_cast<double>(count) / (cpu_time() - start));
  }
  return best;
}

const unsigned char* octets(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

double bare_rate(const forge::Pair& pair) {
  const std::string message(113, 'm');  // what an SSHSIG with sha512 signs
  const std::string signature = pair.sign(message);
  const std::string& point = pair.key().point;
  const Handle<EVP_PKEY, EVP_PKEY_free> key{
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(point), point.size())};
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
  return rate_of([&] {
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message),
                            message.size()) == 1;
  });
}

double job_rate(const forge::Pair& pair) {
  Job job;
  job.id = std::string(32, '1');
  job.action = "guest.destroy";
  job.host_id = std::string(32, 'a');
  job.guest = GuestBinding{Uuid{{1}}, Incarnation{3}, "acme"};
  job.expires = job.not_before + std::chrono::hours{24};
  job.params = {{"verb", "destroy_guest"}};
  job.reason = "ticket 4711";
  const std::string payload = to_json(job);
  const std::string text = to_json(JobEnvelope{payload, {forge::sshsig(pair, payload)}});
  signing::KeySet keys;
  for (std::uint8_t seed = 40; seed < 50; ++seed)
    keys.signers.push_back({.name = "other", .key = forge::Pair{seed}.key()});
  keys.signers.push_back({.name = "anna", .key = pair.key()});
  return rate_of([&] {
    const auto envelope = parse_message<JobEnvelope>(text);
    return envelope && std::holds_alternative<jobs::VerifiedJob>(
                           jobs::verify_job(*envelope, keys, {}, job.not_before));
  });
}

}  // namespace

int main() {
  const double bare = bare_rate(forge::Pair{1});
  const double plain = job_rate(forge::Pair{1});
  const double token = job_rate(forge::Pair{1, signing::KeyType::sk_ed25519});
  std::printf("bare Ed25519 verification   %8.0f /s  (the limit)\n", bare);
  std::printf("whole job, plain key        %8.0f /s  %.2f of the limit\n", plain, plain / bare);
  std::printf("whole job, FIDO token's key %8.0f /s  %.2f of the limit\n", token, token / bare);
  return bare > 0 && plain > 0 && token > 0 ? 0 : 1;
}
