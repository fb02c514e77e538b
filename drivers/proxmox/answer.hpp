// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.hpp"
#include "http/message.hpp"

// What Proxmox VE says, in our kinds of errors. Pure.
namespace holdfast::proxmox {

using Json = nlohmann::json;

// What an answer carries under "data", or what it says went wrong. Errc::not_found only where
// Proxmox itself said that the thing does not exist: it checks permissions first (403), and
// has no status of its own for it.
Result<Json> read_answer(const http::Response& answer);

// The kind of a failure that is told in words alone: a 500's message, or how a task ended.
Errc kind_of(std::string_view text);

// One line for people: no control characters, not endless.
std::string one_line(std::string_view text);

// Numbers and booleans come as such or as text, as the version likes it. Absent or something
// else: the default.
std::string text_of(const Json& object, const std::string& key);
double number_of(const Json& object, const std::string& key, double otherwise = 0);

}  // namespace holdfast::proxmox
