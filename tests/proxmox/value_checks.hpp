// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace holdfast::standin {

// A property string in its parts: "local:1,mp=/srv" -> {volume: local:1, mp: /srv}.
using Properties = std::map<std::string, std::string>;

// What is wrong with `text` as a value of type `facts`, in the words of the real one.
std::optional<std::string> find_fault(const nlohmann::json& facts, const std::string& text);

// Splits by `format` (its default key, aliases); `fault` says what is wrong with it.
Properties split_properties(const nlohmann::json& format, const std::string& text,
                            std::optional<std::string>& fault);

// As lists are split everywhere: commas, semicolons, spaces and NULs.
std::vector<std::string> split_list(std::string_view text);

// Whole-text match, as Perl's m/^(?:pattern)$/. Patterns are compiled once.
bool matches(const std::string& pattern, const std::string& text);

}  // namespace holdfast::standin
