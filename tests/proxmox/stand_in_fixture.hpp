// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/proxmox/stand_in.hpp"

namespace holdfast::standin {

// A stand-in and one who may do everything that the agent may.
class Host {
 public:
  explicit Host(StandInOptions options = {}) : stand_in{std::move(options)} {
    authorization = stand_in.add_agent();
  }

  // `body` is a form as it is sent.
  http::Response send(const std::string& method, const std::string& target,
                      const std::string& body = {}) {
    http::Request request;
    request.method = method;
    const auto question = target.find('?');
    request.path = "/api2/json" + target.substr(0, question);
    if (question != std::string::npos) {
      http::Request decoded;
      REQUIRE(http::decode_target("/x" + target.substr(question), decoded));
      request.query = decoded.query;
    }
    request.headers["Authorization"] = authorization;
    if (!body.empty()) request.headers["Content-Type"] = "application/x-www-form-urlencoded";
    request.body = body;
    return stand_in.answer(request);
  }
  nlohmann::json data(const std::string& method, const std::string& target,
                      const std::string& body = {}) {
    const auto answer = send(method, target, body);
    INFO(method << " " << target << " " << body << " -> " << answer.status << " " << answer.body);
    REQUIRE(answer.status == 200);
    return nlohmann::json::parse(answer.body)["data"];
  }
  // Runs the task to its end and returns its exit status.
  std::string run(const std::string& method, const std::string& target,
                  const std::string& body = {}) {
    const std::string upid = data(method, target, body);
    stand_in.let_tasks_end();
    return data("GET", "/nodes/pve1/tasks/" + upid + "/status")["exitstatus"];
  }
  std::string message(const std::string& method, const std::string& target,
                      const std::string& body = {}) {
    const auto answer = send(method, target, body);
    INFO(method << " " << target << " " << body);
    REQUIRE(answer.status >= 400);
    return nlohmann::json::parse(answer.body)["message"];
  }

  StandIn stand_in;
  std::string authorization{};
};

}  // namespace holdfast::standin
