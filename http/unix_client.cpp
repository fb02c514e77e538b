// SPDX-License-Identifier: Apache-2.0
#include "http/unix_client.hpp"

#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <curl/curl.h>

#include "base/handle.hpp"

namespace holdfast::http {
namespace {

using CurlHandle = Handle<CURL, curl_easy_cleanup>;
using HeaderListHandle = Handle<curl_slist, curl_slist_free_all>;

struct Incoming {
  std::string body{};
  std::uint64_t max_body = 0;
  bool too_large = false;
};

std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* into) {
  auto& incoming = *static_cast<Incoming*>(into);
  incoming.too_large = incoming.body.size() + size > incoming.max_body;
  if (incoming.too_large) return 0;  // ends the transfer
  incoming.body.append(bytes, size);
  return size;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<void> check(const ClientOptions& options, const Request& request) {
  const auto& path = options.socket_path;
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    return Error{Errc::invalid, "a socket's path has 1 to 107 bytes: " + path};
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

Error failure(const ClientOptions& options, CURL* curl, CURLcode code, const Incoming& incoming) {
  const std::string who = "holdfastd at " + options.socket_path;
  if (incoming.too_large)
    return {Errc::invalid, "the answer of " + who + " is larger than " +
                               std::to_string(options.max_body) + " bytes"};
  if (code == CURLE_OPERATION_TIMEDOUT)
    return {Errc::unavailable,
            "no answer from " + who + " within " + to_short_string(options.deadline)};
  if (code != CURLE_COULDNT_CONNECT)
    return {Errc::unavailable, "talk to " + who + ": " + curl_easy_strerror(code)};
  long error = 0;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
  const auto reason = std::system_category().message(static_cast<int>(error));
  if (error == EACCES || error == EPERM)
    return {Errc::denied, "not allowed to talk to " + who + ": " + reason};
  return {Errc::unavailable, "cannot reach " + who + ": is it running? (" + reason + ")"};
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

}  // namespace

Result<Response> request(const ClientOptions& options, const Request& request) {
  TRY(check(options, request));
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const CurlHandle curl{ready == CURLE_OK ? curl_easy_init() : nullptr};
  if (!curl) return Error{Errc::exhausted, "cannot start libcurl"};

  const auto url = "http://localhost" + encode_target(request);
  const auto headers = header_list(request);
  set_message(curl.get(), request, url, headers.get());
  Incoming incoming;
  incoming.max_body = options.max_body;
  curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, options.socket_path.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS,
                   static_cast<long>(std::max<std::int64_t>(options.deadline.count(), 1)));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &incoming);

  const auto code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) return failure(options, curl.get(), code, incoming);
  Response response;
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  const char* type = nullptr;
  curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_TYPE, &type);
  response.content_type = type != nullptr ? type : "";
  response.body = std::move(incoming.body);
  return response;
}

}  // namespace holdfast::http
