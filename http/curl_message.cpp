// SPDX-License-Identifier: Apache-2.0
#include "http/curl_message.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace holdfast::http {
namespace {

// What the answer says of its own size; memory that it does not fill is never touched.
void make_room(Incoming& incoming) {
  curl_off_t announced = -1;
  curl_easy_getinfo(incoming.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
  if (announced > 0)
    incoming.body.reserve(std::min(static_cast<std::uint64_t>(announced), incoming.max_body));
}

std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* into) {
  auto& incoming = *static_cast<Incoming*>(into);
  incoming.too_large = incoming.body.size() + size > incoming.max_body;
  if (incoming.too_large) return 0;  // ends the transfer
  if (incoming.body.empty()) make_room(incoming);
  // By halves rather than doubled: near the cap the copy and its spare room would be three times
  // the answer.
  if (incoming.body.capacity() < incoming.body.size() + size)
    incoming.body.reserve(incoming.body.size() + std::max(size, incoming.body.size() / 2));
  incoming.body.append(bytes, size);
  return size;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Result<CurlHandle> open_curl() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CurlHandle curl{ready == CURLE_OK ? curl_easy_init() : nullptr};
  if (!curl) return Error{Errc::exhausted, "cannot start libcurl"};
  return curl;
}

Result<void> check(const Request& request) {
  const bool is_word = std::all_of(request.method.begin(), request.method.end(),
                                   [](char c) { return c >= 'A' && c <= 'Z'; });
  if (request.method.empty() || !is_word)
    return Error{Errc::invalid, "not an HTTP method: " + request.method};
  if (request.path.empty() || request.path.front() != '/')
    return Error{Errc::invalid, "not an absolute path: " + request.path};
  for (const auto& [name, value] : request.headers)
    if (name.empty() || has_control(name) || has_control(value))
      return Error{Errc::invalid, "bad header " + name};
  return ok();
}

HeaderListHandle header_list(const Request& request) {
  HeaderListHandle list;
  const auto add = [&list](const std::string& line) {
    list.reset(curl_slist_append(list.release(), line.c_str()));
  };
  add("Expect:");  // nobody far away whose "100 Continue" would save anything
  if (!request.body.empty() && request.headers.count("Content-Type") == 0)
    add("Content-Type: application/json");
  for (const auto& [name, value] : request.headers)
    add(value.empty() ? name + ";" : name + ": " + value);
  return list;
}

void set_message(CURL* curl, const Request& request, const std::string& url, curl_slist* headers) {
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (!request.body.empty() || request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
}

void collect_into(CURL* curl, Incoming& incoming) {
  incoming.curl = curl;
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &incoming);
}

Response response_of(CURL* curl, Incoming&& incoming) {
  Response response;
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  const char* type = nullptr;
  curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
  response.content_type = type != nullptr ? type : "";
  response.body = std::move(incoming.body);
  return response;
}

}  // namespace holdfast::http
