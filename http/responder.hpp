// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <utility>

#include "http/server.hpp"
#include "http/session.hpp"

// Private to this folder.
namespace holdfast::http {

// Where an answer goes. The guard keeps the network thread alive until it has come.
class Responder::Target {
 public:
  explicit Target(std::shared_ptr<Session> session)
      : session_{std::move(session)}, guard_{session_->context_.io.get_executor()} {}

  // Called once.
  void deliver(Response response);

 private:
  std::shared_ptr<Session> session_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
};

}  // namespace holdfast::http
