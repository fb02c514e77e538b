// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

// What the caller should do about a failure. The set is closed on purpose: the
// requeue policy switches over it, and a new kind must choose a policy.
enum class Errc {
  invalid,      // the request is wrong; retrying the same input cannot help
  not_found,    // the thing named does not exist
  conflict,     // the world changed under us; observe again, then decide
  denied,       // not signed, not allowed, or expired
  unavailable,  // a peer (libvirt, hub, disk) is away; retry with backoff
  exhausted,    // disk space or memory ran out; give back what was begun, retry patiently
  corrupt,      // stored state contradicts itself; a person must look
  internal,     // a bug in this program
};

std::string_view to_string(Errc code);

// A failure as a value: a code to act on and a sentence to read. Context is
// added outermost-first as the error travels up, so the finished message reads
// as a path: "create guest web-1: define domain: libvirt: unavailable: ...".
class [[nodiscard]] Error {
 public:
  Error(Errc code, std::string message, const char* file = __builtin_FILE(),
        int line = __builtin_LINE())
      : code_{code}, message_{std::move(message)}, file_{file}, line_{line} {}

  Errc code() const { return code_; }
  const std::string& message() const { return message_; }

  Error context(std::string_view doing) && {
    message_.insert(0, std::string{doing} + ": ");
    return std::move(*this);
  }

  // For logs: the message, the code, and where the error was born.
  std::string describe() const;

 private:
  Errc code_;
  std::string message_;
  const char* file_;
  int line_;
};

}  // namespace holdfast
