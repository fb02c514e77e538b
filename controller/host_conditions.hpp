// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "journal/journal.hpp"

namespace holdfast {

// Of the host: said when an unreadable journal was set aside, until a recovery.
inline constexpr std::string_view journal_readable = "JournalReadable";

// Conditions that one thread keeps for one or more subjects, remembered so that saying
// the same again costs nothing and writes nothing.
class ConditionKeeper {
 public:
  explicit ConditionKeeper(Journal& journal) : journal_{journal} {}

  // Durable when it returns. Answers whether anything changed.
  Result<bool> set(const std::string& subject, const ConditionRecord& condition);
  // Forgets what was remembered: the next set() asks the journal again.
  void forget() { said_.clear(); }

 private:
  Journal& journal_;
  std::map<std::pair<std::string, std::string>, ConditionRecord> said_{};
};

}  // namespace holdfast
