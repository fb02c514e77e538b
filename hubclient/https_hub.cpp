// SPDX-License-Identifier: Apache-2.0
#include "hubclient/https_hub.hpp"

#include <chrono>
#include <string_view>

#include <nlohmann/json.hpp>

using namespace std::chrono_literals;

namespace holdfast {
namespace {

constexpr Duration answer_deadline = 30s;  // beyond what a poll is parked for
constexpr Duration beat_deadline = 10s;
constexpr std::size_t longest_quote = 300;

// What the hub said of its refusal, as one short line: it is logged and shown.
std::string quote(const std::string& body) {
  std::string text = body;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object() && json.contains("error") && json["error"].is_object() &&
      json["error"].contains("message") && json["error"]["message"].is_string())
    text = json["error"]["message"].get<std::string>();
  text = text.substr(0, longest_quote);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

Error refusal(const http::HttpsClient& client, const http::Response& answer) {
  const std::string said = quote(answer.body);
  const std::string what = client.url() + " answered " + std::to_string(answer.status) +
                           (said.empty() ? "" : ": " + said);
  switch (answer.status) {
    case 401:
    case 403: return {Errc::denied, what};
    case 409: return {Errc::conflict, what};
    case 408:
    case 429: return {Errc::unavailable, what};
    default: break;
  }
  if (answer.status >= 500) return {Errc::unavailable, what};
  if (answer.status >= 300 && answer.status < 400)
    return {Errc::invalid, what + "; a redirect is never followed"};
  return {Errc::invalid, what};
}

template <class Message>
Result<Message> exchange(http::HttpsClient& client, const http::Request& request,
                         const http::Patience& patience) {
  const auto answer = TRY(client.request(request, patience));
  if (answer.status != 200) return refusal(client, answer);
  return parse_message<Message>(answer.body).context("answer of " + client.url());
}

}  // namespace

Result<std::unique_ptr<HttpsHub>> HttpsHub::open(const HubAccess& access,
                                                 const std::string& host_id,
                                                 std::size_t largest_answer) {
  auto client = TRY(http::HttpsClient::open(
      {.url = access.url, .ca_pem = access.ca, .bearer = access.key, .max_body = largest_answer}));
  return std::unique_ptr<HttpsHub>{new HttpsHub{std::move(client), "/v1/hosts/" + host_id}};
}

Result<SyncResponse> HttpsHub::sync(const SyncRequest& request, Duration wait,
                                    const std::stop_token& stop) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait).count();
  const http::Request message{.method = "POST",
                              .path = path_ + "/sync",
                              .headers = {{"Prefer", "wait=" + std::to_string(seconds)}},
                              .body = to_json(request)};
  return exchange<SyncResponse>(*client_, message,
                                {.deadline = wait + answer_deadline, .stop = stop});
}

Result<HeartbeatResponse> HttpsHub::beat(const Heartbeat& heartbeat, const std::stop_token& stop) {
  const http::Request message{
      .method = "POST", .path = path_ + "/heartbeat", .body = to_json(heartbeat)};
  return exchange<HeartbeatResponse>(*client_, message, {.deadline = beat_deadline, .stop = stop});
}

Result<HubAccess> enroll(const EnrolmentOrder& order, const EnrolmentKey& key,
                         const std::stop_token& stop) {
  const auto token = TRY(parse_enroll_token(order.token));
  const auto client = TRY(http::HttpsClient::open({.url = order.url, .public_key_pin = token.pin}));
  const EnrollRequest request{.token = token.token,
                              .host_id = order.host_id,
                              .public_key = key.public_key(),
                              .proof = TRY(key.sign(enroll_message(token.token, order.host_id))),
                              .hostname = order.hostname,
                              .version = order.version};
  const auto answer = TRY(exchange<EnrollResponse>(
      *client, {.method = "POST", .path = "/v1/enroll", .body = to_json(request)}, {.stop = stop}));
  if (answer.host_id != order.host_id)
    return Error{Errc::invalid,
                 order.url + " enrolled host " + answer.host_id + ", this is " + order.host_id};
  const HubAccess access{.url = order.url, .key = answer.key, .ca = answer.ca};
  TRY(HttpsHub::open(access, order.host_id).context("what the hub answered"));
  return access;
}

}  // namespace holdfast
