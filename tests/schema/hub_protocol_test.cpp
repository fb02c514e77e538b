// SPDX-License-Identifier: Apache-2.0
#include "schema/hub_protocol.hpp"

#include <string>
#include <vector>

#include "base/sha256.hpp"
#include "schema/base64.hpp"
#include "schema/limits.hpp"
#include "tests/catch.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

const Time noon = parse_time("2026-11-22T12:00:00.250Z").value();
const std::string id(32, 'a');
const std::string digest = digest_of("job");

SyncRequest full_request() {
  SyncRequest request{};
  request.session = id;
  request.sequence = 17;
  request.have = Held{41, digest};
  request.report = StatusReport{};
  request.report->host.host_id = id;
  request.report->guests.resize(2);
  request.report->guests[0].name = "acme";
  request.report->tickets = {{"t1", "guest/acme", "destroy-guest", "sign it", noon, "{\n}\n", {}}};
  request.job_results = {
      {digest, id, JobState::refused, "WrongHost", "for another host", "op-12", noon}};
  return request;
}

SyncResponse full_response() {
  SyncResponse response{};
  response.server_time = noon;
  response.desired = R"({"apiVersion":"holdfast/v1","kind":"HostDesiredState"})";
  response.jobs = {{std::string{"{\"id\":\0}", 8}, {"-----BEGIN SSH SIGNATURE-----\n", "x"}}};
  response.acknowledged = {digest};
  response.config = {1s, 2s, 3s, 4s};
  return response;
}

template <class Message>
void check_round_trip(const Message& message) {
  const auto json = to_json(message);
  CAPTURE(json);
  CHECK(json.find('\n') == std::string::npos);
  const auto again = parse_message<Message>(json);
  if (!again) FAIL(again.error().message());
  CHECK(*again == message);
}

std::string replaced(std::string text, const std::string& old, const std::string& fresh) {
  const auto at = text.find(old);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old.size(), fresh);
}

// The error of a message that must not parse.
template <class Message>
std::string refused(const std::string& json) {
  CAPTURE(json.substr(0, 300));
  const auto parsed = parse_message<Message>(json);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::invalid);
  return parsed.error().message();
}

bool has(const std::string& text, const std::string& part) {
  CAPTURE(text, part);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("hub protocol: every message reads back as it was", "[schema][hub]") {
  check_round_trip(
      EnrollRequest{id, id, std::string(32, '\x80'), std::string(64, '\1'), "site-7", "0.2.0"});
  check_round_trip(EnrollResponse{id, std::string(43, 'k'), "-----BEGIN CERTIFICATE-----\n"});
  check_round_trip(SyncRequest{id, 0, {}, {}, {}});
  check_round_trip(full_request());
  check_round_trip(SyncResponse{noon, {}, {}, {}, {}});
  check_round_trip(full_response());
  check_round_trip(Heartbeat{id, 4711, 3s, 12s, 1, 41, HostMode::observe_only});
  check_round_trip(HeartbeatResponse{noon});
  check_round_trip(JobEnvelope{"{}", {}});
}

TEST_CASE("hub protocol: fields of a newer peer are ignored, at every depth", "[schema][hub]") {
  const auto newer = replaced(replaced(to_json(full_response()), "{\"acknowledged\"",
                                       R"({"future":{"a":[1]},"acknowledged")"),
                              "\"wait\":\"1s\"", R"("wait":"1s","mood":"good")");
  const auto parsed = parse_message<SyncResponse>(newer);
  if (!parsed) FAIL(parsed.error().message());
  CHECK(*parsed == full_response());
}

TEST_CASE("hub protocol: a wrong type or form is named by its place", "[schema][hub]") {
  const auto request = to_json(full_request());
  CHECK(has(refused<SyncRequest>(replaced(request, "\"sequence\":17", "\"sequence\":\"17\"")),
            "/sequence: found \"17\""));
  CHECK(has(refused<SyncRequest>(replaced(request, "\"generation\":41", "\"generation\":-1")),
            "/have/generation"));
  CHECK(has(refused<SyncRequest>(replaced(request, "\"state\":\"refused\"", "\"state\":\"ok\"")),
            "/jobResults/0/state"));
  CHECK(has(refused<SyncRequest>(replaced(request, "\"name\":\"acme\"", "\"name\":7")),
            "/report/guests/0/name"));
  CHECK(has(refused<SyncRequest>(replaced(request, "\"session\":\"" + id, "\"session\":\"../x")),
            "/session"));
  const auto response = to_json(full_response());
  CHECK(has(refused<SyncResponse>(replaced(response, "\"serverTime\":", "\"time\":")),
            "field serverTime is missing"));
  CHECK(has(refused<SyncResponse>(replaced(response, "\"wait\":\"1s\"", "\"wait\":1")),
            "/config/wait"));
  CHECK(has(refused<SyncResponse>(
                replaced(response, "\"acknowledged\":[\"sha256:", "\"acknowledged\":[\"md5:")),
            "/acknowledged/0"));
  CHECK(has(refused<SyncResponse>(R"({"apiVersion":"holdfast/v1","kind":"SyncResponse",)"
                                  R"("serverTime":"2026-11-22T12:00:00Z","desired":[]})"),
            "/desired: found a list"));
  CHECK(has(refused<Heartbeat>("[]"), "expected a mapping"));
  CHECK(has(refused<Heartbeat>("{\"kind\":"), "not JSON"));
  CHECK(has(refused<Heartbeat>(R"({"kind":"Heartbeat","kind":"Heartbeat"})"), "twice"));
}

namespace {

// Blanks that change no meaning, and make a text too long for the reader of plain heartbeats.
Result<Heartbeat> parse_generally(const std::string& json) {
  return parse_message<Heartbeat>(json + std::string(2048, ' '));
}

void check_read_alike(const std::string& json) {
  CAPTURE(json);
  const auto plainly = parse_message<Heartbeat>(json);
  const auto generally = parse_generally(json);
  REQUIRE(static_cast<bool>(plainly) == static_cast<bool>(generally));
  if (plainly) CHECK(*plainly == *generally);
  if (!plainly) CHECK(plainly.error().code() == generally.error().code());
}

}  // namespace

TEST_CASE("hub protocol: a plain heartbeat means the same to both readers, however it is bent",
          "[schema][hub]") {
  const std::vector<std::string> texts{
      to_json(Heartbeat{id, 4711, 3s, 12'034ms, 1, 41, HostMode::observe_only}),
      R"({ "sequence" : 0, "kind": "Heartbeat", "apiVersion": "holdfast/v1", "session": ")" + id +
          R"(",)" + "\n\t" + R"("passAge":"1h2m3s4ms","journalAge":"0s" })"};
  for (const auto& text : texts) {
    CHECK(parse_message<Heartbeat>(text));
    check_read_alike(text);
    for (std::size_t i = 0; i < text.size(); ++i) {
      check_read_alike(text.substr(0, i));
      check_read_alike(text.substr(0, i) + text.substr(i + 1));
      for (const char c : std::string_view{"\"\\,:{}[]0-1.eE+ ax\x01\x7f\xc3\n"})
        check_read_alike(text.substr(0, i) + c + text.substr(i + 1));
    }
  }
  const auto base = texts.front();
  for (const auto* field : {R"("mode":"observe-only")", R"("sequence":4711)", R"("passAge":"3s")",
                            R"("generation":41)"})
    check_read_alike(replaced(base, field, std::string{field} + "," + field));  // twice
  for (const auto* number :
       {"00", "18446744073709551615", "18446744073709551616", "4294967295", "4294967296", "1e3",
        "1.0", "-0", "9999999999999999999", "\"7\"", "null"}) {
    check_read_alike(replaced(base, "\"sequence\":4711", std::string{"\"sequence\":"} + number));
    check_read_alike(
        replaced(base, "\"openOperations\":1", std::string{"\"openOperations\":"} + number));
  }
  for (const auto* age : {"87840h", "87841h", "3s1m", "1m60s", "1m1m", "s", "", "3", "4294967296s",
                          "03s", "3 s", "\\u0033s"})
    check_read_alike(replaced(base, "\"passAge\":\"3s", std::string{"\"passAge\":\""} + age));
  check_read_alike(replaced(base, "\"mode\"", R"("future":{"a":[1]},"mode")"));
  check_read_alike(base + base);
  check_read_alike(base + "x");
}

TEST_CASE("hub protocol: what is over the caps is refused", "[schema][hub]") {
  SyncResponse many{};
  many.server_time = noon;
  many.jobs.assign(limits::jobs_per_sync + 1, {"{}", {}});
  CHECK(has(refused<SyncResponse>(to_json(many)), "/jobs: found 17 items"));
  many.jobs = {{std::string(limits::job_bytes + 1, 'x'), {}}};
  CHECK(has(refused<SyncResponse>(to_json(many)), "/jobs/0/payload"));
  many.jobs = {{"{}", std::vector<std::string>(limits::job_signatures + 1, "x")}};
  CHECK(has(refused<SyncResponse>(to_json(many)), "/jobs/0/signatures"));
  many.jobs = {{"{}", {std::string(limits::job_signature_bytes + 1, 'x')}}};
  CHECK(has(refused<SyncResponse>(to_json(many)), "/jobs/0/signatures/0"));
  CHECK(has(refused<SyncResponse>(std::string(40'000, '[')), "nesting"));
  std::string wide = R"({"desired":[0)";
  for (int i = 0; i < 1'000'000; ++i) wide += ",0";
  CHECK(has(refused<SyncResponse>(wide + "]}"), "found too much"));
  CHECK(has(refused<SyncResponse>(std::string(limits::document_bytes + 1, ' ')), "bytes"));
}

TEST_CASE("hub protocol: a provider's odd bytes do not make the hub refuse a report",
          "[schema][hub]") {
  SyncRequest request = full_request();
  request.report->guests[0].phase = "\x1b[31mred\x7f";
  request.report->guests[1].phase = "caf\xe9";
  request.report->host.hypervisor = std::string(limits::string_bytes, 'x') + "\xc3\xa9";
  const auto parsed = parse_message<SyncRequest>(to_json(request));
  if (!parsed) FAIL(parsed.error().message());
  CHECK(parsed->report->guests[0].phase == "\xef\xbf\xbd[31mred\xef\xbf\xbd");
  CHECK(parsed->report->host.hypervisor.size() < limits::string_bytes);
  CHECK(parsed->report->tickets[0].job == "{\n}\n");
}

TEST_CASE("hub protocol: advice is clamped", "[schema][hub]") {
  CHECK(clamped({0ms, 0ms, 0ms, 0ms}) == HubConfig{1s, 1s, 10s, 1s});
  CHECK(clamped({24h, 24h, 24h, 24h}) == HubConfig{55s, 1min, 1h, 10min});
  CHECK(clamped(HubConfig{}) == HubConfig{});
}

TEST_CASE("hub protocol: an enrolment token reads back and a damaged one does not",
          "[schema][hub]") {
  const EnrollToken token{id, std::string(32, '\xfb')};
  const auto text = to_string(token);
  const auto again = parse_enroll_token(text);
  REQUIRE(again);
  CHECK(*again == token);
  for (const auto& damaged :
       {std::string{}, std::string{"hf1."}, "hf2" + text.substr(3), text.substr(0, text.size() - 1),
        text + "A", text.substr(0, 36), replaced(text, "aa", "ag"), text + "="}) {
    CAPTURE(damaged);
    CHECK_FALSE(parse_enroll_token(damaged));
  }
}

TEST_CASE("hub protocol: a host's id comes from its key", "[schema][hub]") {
  // SHA-256 of 32 zero bytes.
  CHECK(host_id_of(std::string(32, '\0')) == "66687aadf862bd776c8fc18b8e9f8e20");
  CHECK(enroll_message("t", "h") == std::string{"holdfast-enroll-v1\0t\0h", 22});
}

TEST_CASE("base64: only the one canonical text is read", "[schema][base64]") {
  // RFC 4648, section 10.
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    CAPTURE(text);
    CHECK(to_base64(bytes) == text);
    REQUIRE(parse_base64(text));
    CHECK(*parse_base64(text) == bytes);
  }
  for (const auto* damaged : {"Zg", "Zg=", "Zh==", "Zm9=", " Zg==", "Zg==\n", "Zm9v!m9v",
                              "====", "Z===", "Zm9vZ", "Zm-v", "Zg==Zg=="}) {
    CAPTURE(damaged);
    CHECK_FALSE(parse_base64(damaged));
  }
  CHECK(to_base64url("\xfb\xff\xfe") == "-__-");
  CHECK(parse_base64url("-__-").value() == "\xfb\xff\xfe");
  CHECK(parse_base64url("Zg").value() == "f");
  CHECK_FALSE(parse_base64url("Zg=="));
  CHECK_FALSE(parse_base64url("+//+"));
}

}  // namespace holdfast
