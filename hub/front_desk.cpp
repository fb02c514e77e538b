// SPDX-License-Identifier: Apache-2.0
#include "hub/front_desk.hpp"

#include <exception>
#include <memory>
#include <utility>

#include "hub/answers.hpp"
#include "hub/heartbeats.hpp"

namespace holdfast::hub {

void FrontDesk::take(http::Request request, http::Responder responder) {
  const bool is_post = request.method == "POST";
  const auto [host_part, verb] = host_path(request.path);
  const bool beats = is_post && verb == "heartbeat";
  if (beats || (is_post && verb == "sync")) {
    std::string host{host_part};
    if (auto refused = gatekeeper_.check_host(request, host))
      return responder.answer(std::move(*refused));
    if (beats) return take_heartbeat(to_, std::move(host), request.body, std::move(responder));
    return run(for_hosts_, std::move(request), std::move(responder),
               [this, host](http::Request& said, http::Responder& to) {
                 desks_.polls.sync(host, said, std::move(to));
               });
  }
  if (request.path == "/healthz") return responder.answer(health());
  const bool is_enrolment = request.path == "/v1/enroll" && is_post;
  run(is_enrolment ? for_hosts_ : for_operators_, std::move(request), std::move(responder),
      [this, is_enrolment](http::Request& said, http::Responder& to) {
        to.answer(is_enrolment ? enroll_host(said) : ask_operator_desk(said));
      });
}

void FrontDesk::run(http::HandlerThreads& threads, http::Request request, http::Responder responder,
                    Work work) {
  const auto said = std::make_shared<http::Request>(std::move(request));
  const auto to = std::make_shared<http::Responder>(std::move(responder));
  threads.run([said, to, work = std::move(work)] {
    try {
      work(*said, *to);
    } catch (const std::exception&) {  // the thread's edge; the responder answers 500
    }
  });
}

http::Response FrontDesk::health() const {
  if (desks_.is_watching()) return {200, "application/json", R"({"watching":true})"};
  return {503, "application/json", R"({"watching":false})"};
}

http::Response FrontDesk::enroll_host(const http::Request& request) {
  if (auto refused = gatekeeper_.check_enrolment(request)) return std::move(*refused);
  const auto said = parse_message<EnrollRequest>(request.body);
  if (!said) return answer(said.error());
  const auto enrolled = enroll(to_, desks_.credentials, *said);
  if (enrolled) return answer(Result<std::string>{to_json(*enrolled)});
  to_.log.warn("enrolment refused", {{"address", request.remote},
                                     {"host", said->host_id},
                                     {"error", enrolled.error().message()}});
  return answer(enrolled.error());
}

http::Response FrontDesk::ask_operator_desk(const http::Request& request) {
  http::Response refused;
  const auto who = gatekeeper_.find_operator(request, refused);
  if (!who) return refused;
  return answer_operator(desks_.operators, *who, request);
}

}  // namespace holdfast::hub
