// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/client.hpp"

#include <string_view>

namespace holdfast::proxmox {
namespace {

std::string encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (is_plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 0xfU];
  }
  return out;
}

http::Request with_form(std::string method, const std::string& path, const Form& form) {
  http::Request request;
  request.method = std::move(method);
  request.path = path;
  request.headers["Content-Type"] = "application/x-www-form-urlencoded";
  request.body = to_form(form);
  return request;
}

}  // namespace

std::string to_form(const Form& form) {
  std::string body;
  for (const auto& [name, value] : form)
    body += (body.empty() ? "" : "&") + encode(name) + "=" + encode(value);
  return body;
}

Result<Json> Client::get(const std::string& path, const Query& query) const {
  http::Request request;
  request.path = path;
  request.query = query;
  return send(request);
}

Result<Json> Client::post(const std::string& path, const Form& form) const {
  return send(with_form("POST", path, form));
}

Result<Json> Client::put(const std::string& path, const Form& form) const {
  return send(with_form("PUT", path, form));
}

// A body here is an error to Proxmox.
Result<Json> Client::remove(const std::string& path, const Query& query) const {
  http::Request request;
  request.method = "DELETE";
  request.path = path;
  request.query = query;
  return send(request);
}

Result<Json> Client::send(const http::Request& request) const {
  http::Request whole = request;
  whole.path = "/api2/json" + request.path;
  const std::string doing = request.method + " " + request.path;
  const auto answer = TRY(exchange_.request(whole, {.deadline = deadline_}).context(doing));
  return read_answer(answer).context(doing);
}

}  // namespace holdfast::proxmox
