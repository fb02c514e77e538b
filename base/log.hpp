// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

enum class LogLevel { debug, info, warn, error };

// One key and its value, already as text. Same keys in logs, API and journal.
struct LogField {
  std::string key{};
  std::string value{};

  LogField(std::string_view k, std::string_view v) : key{k}, value{v} {}
  LogField(std::string_view k, const char* v) : key{k}, value{v} {}
  LogField(std::string_view k, const std::string& v) : key{k}, value{v} {}
  template <std::integral T>
  LogField(std::string_view k, T v) : key{k}, value{std::to_string(v)} {}
};

// Where finished log lines go. Thread-safe.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, std::string_view message,
                     const std::vector<LogField>& fields) = 0;
};

// A constant message and fields; identity is bound once:
//   const Logger log = parent.with("guest", name);
// error: a person must act. warn: a retry follows. info: the host was or could have
// been changed. debug: why nothing was done. A quiet pass logs nothing.
// Cheap to copy; thread-safe.
class Logger {
 public:
  Logger();  // drops everything
  explicit Logger(std::shared_ptr<LogSink> sink, LogLevel threshold = LogLevel::info)
      : sink_{std::move(sink)}, threshold_{threshold} {}

  Logger with(std::string_view key, std::string_view value) const;

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::error, message, fields);
  }

 private:
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) const;

  std::shared_ptr<LogSink> sink_;
  LogLevel threshold_ = LogLevel::info;
  std::vector<LogField> bound_{};
};

// Lines on stderr: `time level message key=value ...`; values are quoted when needed
// and control characters escaped, so that no input can forge a line.
// Under systemd (JOURNAL_STREAM set) the time is left out.
std::shared_ptr<LogSink> stderr_sink();

}  // namespace holdfast
