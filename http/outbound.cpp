// SPDX-License-Identifier: Apache-2.0
#include "http/outbound.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "http/curl_message.hpp"

namespace holdfast::http {
namespace {

// Called by libcurl about once a second, and whenever something moves; not 0 ends the transfer.
int look_at_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

}  // namespace

Result<Response> send_to(const std::string& url, const Request& request,
                         const OutboundOptions& options) {
  TRY(check(request));
  const auto curl = TRY(open_curl());
  CURL* const easy = curl.get();
  Incoming incoming;
  incoming.max_body = options.max_body;
  std::array<char, CURL_ERROR_SIZE> detail{};
  std::stop_token stop = options.stop;
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // whatever the environment says
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(std::max<std::int64_t>(options.deadline.count(), 1)));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail.data());
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_at_stop);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &stop);
  collect_into(easy, incoming);
  const auto headers = header_list(request);
  set_message(easy, request, url, headers.get());
  const auto code = curl_easy_perform(easy);
  if (code == CURLE_OK) return response_of(easy, std::move(incoming));
  if (incoming.too_large) return Error{Errc::invalid, "the answer of " + url + " is too large"};
  return Error{
      code == CURLE_PEER_FAILED_VERIFICATION ? Errc::denied : Errc::unavailable,
      "send to " + url + ": " + (detail[0] != '\0' ? detail.data() : curl_easy_strerror(code))};
}

}  // namespace holdfast::http
