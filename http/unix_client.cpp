// SPDX-License-Identifier: Apache-2.0
#include "http/unix_client.hpp"

#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "http/curl_message.hpp"

namespace holdfast::http {
namespace {

Result<void> check(const ClientOptions& options) {
  const auto& path = options.socket_path;
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    return Error{Errc::invalid, "a socket's path has 1 to 107 bytes: " + path};
  return ok();
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

}  // namespace

Result<Response> request(const ClientOptions& options, const Request& request) {
  TRY(check(options));
  TRY(check(request));
  const CurlHandle curl = TRY(open_curl());

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
  collect_into(curl.get(), incoming);

  const auto code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) return failure(options, curl.get(), code, incoming);
  return response_of(curl.get(), std::move(incoming));
}

}  // namespace holdfast::http
