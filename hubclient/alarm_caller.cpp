// SPDX-License-Identifier: Apache-2.0
#include "hubclient/alarm_caller.hpp"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "http/https_client.hpp"
#include "hubclient/pace.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

constexpr Duration period = 60s;
constexpr Duration retry_at_most = 60s;
constexpr Duration post_deadline = 10s;
constexpr std::size_t most_unsaid = 64;

bool is_same(const Condition& a, const Condition& b) {
  return a.type == b.type && a.reason == b.reason;
}

bool holds(const std::vector<Condition>& list, const Condition& condition) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Condition& known) { return is_same(known, condition); });
}

bool same_alarms(const std::vector<Condition>& a, const std::vector<Condition>& b) {
  return a.size() == b.size() &&
         std::all_of(a.begin(), a.end(), [&](const Condition& c) { return holds(b, c); });
}

class AlarmUrl final : public AlarmChannel {
 public:
  AlarmUrl(std::unique_ptr<http::HttpsClient> client, std::string path,
           std::map<std::string, std::string> query)
      : client_{std::move(client)}, path_{std::move(path)}, query_{std::move(query)} {}

  Result<void> post(const std::string& body, const std::stop_token& stop) override {
    const auto answer = TRY(client_->request(
        {.method = "POST", .path = path_, .query = query_, .headers = {}, .body = body},
        {.deadline = post_deadline, .stop = stop}));
    if (answer.status >= 200 && answer.status < 300) return ok();
    return Error{Errc::unavailable, client_->url() + " answered " + std::to_string(answer.status)};
  }

 private:
  std::unique_ptr<http::HttpsClient> client_;
  std::string path_;
  std::map<std::string, std::string> query_;
};

}  // namespace

std::string to_json(const AlarmNote& note, Time at) {
  auto alarms = nlohmann::json::array();
  for (const Condition& alarm : note.alarms)
    alarms.push_back({{"type", alarm.type},
                      {"reason", alarm.reason},
                      {"message", alarm.message},
                      {"since", to_string(alarm.last_transition)}});
  const nlohmann::json json{{"apiVersion", "holdfast/v1"},
                            {"kind", "HostNote"},
                            {"hostId", note.host_id},
                            {"at", to_string(at)},
                            {"generation", note.generation},
                            {"digest", note.digest},
                            {"alarms", alarms}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::unique_ptr<AlarmChannel>> open_alarm_url(const std::string& url,
                                                     const std::string& ca_pem) {
  // The path and query are the operator's, with a secret in them as often as not.
  const auto host = url.find("://");
  const auto slash = host == std::string::npos ? host : url.find_first_of("/?", host + 3);
  http::Request target;
  if (slash != std::string::npos)
    TRY(http::decode_target((url[slash] == '?' ? "/" : "") + url.substr(slash), target)
            .context("alarmUrl"));
  auto client = TRY(
      http::HttpsClient::open({.url = url.substr(0, slash), .ca_pem = ca_pem, .max_body = 65'536})
          .context("alarmUrl"));
  return std::unique_ptr<AlarmChannel>{new AlarmUrl{std::move(client), target.path, target.query}};
}

void AlarmCaller::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) bell_.wait(stop, once(stop));
}

void AlarmCaller::collect(const AlarmNote& note) {
  for (const Condition& alarm : note.alarms)
    if (!holds(unsaid_, alarm) && !holds(said_, alarm) && unsaid_.size() < most_unsaid)
      unsaid_.push_back(alarm);
}

Duration AlarmCaller::once(const std::stop_token& stop) {
  const Duration now = parts_.clock.elapsed();
  auto note = parts_.note();
  if (!note) {
    parts_.log.warn("nothing to tell the watcher", {{"error", note.error().describe()}});
    return period;
  }
  collect(*note);
  const bool is_due = !called_ || now - *called_ >= period;
  const bool is_news = !unsaid_.empty() || !same_alarms(note->alarms, said_);
  if (failures_ > 0 && now < retry_at_) return retry_at_ - now;
  if (!is_due && !is_news) return period - (now - *called_);

  const auto holding = note->alarms;
  for (const Condition& alarm : unsaid_)
    if (!holds(note->alarms, alarm)) note->alarms.push_back(alarm);
  const auto posted = parts_.channel.post(to_json(*note, parts_.clock.now()), stop);
  if (!posted) {
    if (failures_++ == 0)
      parts_.log.warn("the watcher was not told", {{"error", posted.error().describe()}});
    const Duration pause = backoff(failures_, retry_at_most, parts_.random.next());
    retry_at_ = now + pause;
    return pause;
  }
  failures_ = 0;
  called_ = now;
  unsaid_.clear();
  said_ = holding;
  return period;
}

}  // namespace holdfast
