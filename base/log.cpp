// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <cstdlib>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace holdfast {
namespace {

std::string quoted(std::string_view value) {
  constexpr std::string_view hex = "0123456789abcdef";
  bool plain = !value.empty();
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
      plain = false;
    } else if (c == '\n') {
      text += "\\n";
      plain = false;
    } else if (byte < 0x20 || byte == 0x7f) {
      text += "\\x";
      text += hex[byte >> 4];
      text += hex[byte & 0xf];
      plain = false;
    } else {
      if (c == ' ' || c == '=') plain = false;
      text += c;
    }
  }
  return plain ? text : '"' + text + '"';
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

class StderrSink final : public LogSink {
 public:
  StderrSink() : logger_{"holdfast", std::make_shared<spdlog::sinks::stderr_sink_mt>()} {
    logger_.set_level(spdlog::level::trace);
    logger_.set_pattern(
        std::getenv("JOURNAL_STREAM") != nullptr ? "%l %v" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
        spdlog::pattern_time_type::utc);
    logger_.flush_on(spdlog::level::trace);
  }

  void write(LogLevel level, std::string_view message,
             const std::vector<LogField>& fields) override {
    std::string line{message};
    for (const LogField& field : fields) line += ' ' + field.key + '=' + quoted(field.value);
    logger_.log(to_spdlog(level), "{}", line);
  }

 private:
  spdlog::logger logger_;
};

}  // namespace

Logger::Logger() = default;

Logger Logger::with(std::string_view key, std::string_view value) const {
  Logger bound = *this;
  bound.bound_.emplace_back(key, value);
  return bound;
}

void Logger::write(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) const {
  if (!sink_ || level < threshold_) return;
  std::vector<LogField> all = bound_;
  all.insert(all.end(), fields.begin(), fields.end());
  sink_->write(level, message, all);
}

std::shared_ptr<LogSink> stderr_sink() { return std::make_shared<StderrSink>(); }

}  // namespace holdfast
