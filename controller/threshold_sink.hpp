// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "base/log.hpp"

namespace holdfast {

// A sink whose threshold follows HostConfig while loggers made from it live on.
class ThresholdSink final : public LogSink {
 public:
  ThresholdSink(std::shared_ptr<LogSink> inner, LogLevel threshold)
      : inner_{std::move(inner)}, threshold_{threshold} {}

  void set(LogLevel threshold) { threshold_ = threshold; }
  void write(LogLevel level, std::string_view message,
             const std::vector<LogField>& fields) override {
    if (level >= threshold_) inner_->write(level, message, fields);
  }

 private:
  std::shared_ptr<LogSink> inner_;
  std::atomic<LogLevel> threshold_;
};

}  // namespace holdfast
