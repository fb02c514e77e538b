// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/https_shell.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <mutex>
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include "tests/proxmox/guest_facts.hpp"
#include "tests/proxmox/request_parameters.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

constexpr std::size_t max_head = 8 * 1024;    // bytes
constexpr std::ptrdiff_t max_lines = 63;      // of a head
constexpr std::size_t max_body = 512 * 1024;  // bytes
constexpr int max_requests = 100;             // of one connection

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

struct Head {
  http::Request request{};
  std::size_t body_size = 0;
  bool is_chunked = false;
  bool wants_close = false;
};

std::optional<Head> parse_head(const std::string& text) {
  const auto line = text.substr(0, text.find("\r\n"));
  const auto first = line.find(' ');
  const auto second = line.find(' ', first + 1);
  if (first == std::string::npos || second == std::string::npos) return {};
  Head head;
  head.request.method = line.substr(0, first);
  const auto target = line.substr(first + 1, second - first - 1);
  const auto question = std::min(target.find('?'), target.size());
  head.request.path = decode_percent(target.substr(0, question), false);
  if (question < target.size())
    for (const auto& [name, value] : decode_form(target.substr(question + 1)))
      head.request.query[name] = value.text;
  for (auto at = line.size() + 2; at < text.size();) {
    const auto end = text.find("\r\n", at);
    const auto colon = text.find(':', at);
    if (end == std::string::npos || end == at) break;
    if (colon < end) {
      const auto start = std::min(text.find_first_not_of(' ', colon + 1), end);
      head.request.headers[text.substr(at, colon - at)] = text.substr(start, end - start);
    }
    at = end + 2;
  }
  const auto& headers = head.request.headers;
  if (const auto size = headers.find("Content-Length"); size != headers.end())
    head.body_size = std::strtoull(size->second.c_str(), nullptr, 10);
  if (const auto coding = headers.find("Transfer-Encoding"); coding != headers.end())
    head.is_chunked = lower(coding->second).find("chunked") != std::string::npos;
  if (const auto wish = headers.find("Connection"); wish != headers.end())
    head.wants_close = lower(wish->second) == "close";
  return head;
}

Exchange refusal(int status, const std::string& text) {
  Exchange exchange;
  exchange.response = {status, "text/plain", text, {}};
  exchange.reason = text;
  exchange.closes = true;
  return exchange;
}

std::string print(const Exchange& exchange, bool closes) {
  const auto& answer = exchange.response;
  std::string text =
      "HTTP/1.1 " + std::to_string(answer.status) + " " + exchange.reason +
      "\r\nCache-Control: max-age=0\r\nConnection: " + (closes ? "close" : "Keep-Alive") +
      "\r\nPragma: no-cache\r\nServer: pve-api-daemon/3.0\r\n";
  // Without a body it says nothing of one and closes.
  if (!answer.body.empty())
    text += "Content-Length: " + std::to_string(answer.body.size()) +
            "\r\nContent-Type: " + answer.content_type + "\r\n";
  return text + "\r\n" + answer.body;
}

}  // namespace

struct HttpsShell::State {
  State(StandIn& the_stand_in, ShellOptions given) : stand_in{the_stand_in}, options{given} {}

  StandIn& stand_in;
  ShellOptions options;
  std::mutex guard{};  // of the stand-in
  std::atomic<std::uint64_t> in{0};
  std::atomic<std::uint64_t> out{0};
  std::unique_ptr<http::TlsServer> server{};

  Exchange answer(Head& head, std::string body);
  // Reads until `is_enough`, adding to `buffer`; false when the client left or fell silent.
  bool read_until(http::TlsPeer& peer, std::string& buffer,
                  const std::function<bool(const std::string&)>& is_enough);
  void serve(http::TlsPeer& peer);
  bool serve_one(http::TlsPeer& peer, std::string& buffer, bool is_last);
};

Exchange HttpsShell::State::answer(Head& head, std::string body) {
  const std::lock_guard lock{guard};
  if (head.request.path == "/stand-in" && head.request.method == "GET") {
    Exchange exchange;
    exchange.response.body = report_of(stand_in);
    exchange.reason = "OK";
    return exchange;
  }
  if (!head.request.path.starts_with("/api2/json"))
    return refusal(501, "no formatter for uri " + head.request.path);
  head.request.body = std::move(body);
  return stand_in.exchange(head.request);
}

bool HttpsShell::State::read_until(http::TlsPeer& peer, std::string& buffer,
                                   const std::function<bool(const std::string&)>& is_enough) {
  while (!is_enough(buffer)) {
    const auto more = peer.read_some();
    if (more.empty()) return false;
    in += more.size();
    buffer += more;
  }
  return true;
}

// Whether the connection goes on.
bool HttpsShell::State::serve_one(http::TlsPeer& peer, std::string& buffer, bool is_last) {
  const auto has_head = [](const std::string& text) {
    return text.find("\r\n\r\n") != std::string::npos || text.size() > max_head;
  };
  if (!read_until(peer, buffer, has_head)) return false;
  const auto end = buffer.find("\r\n\r\n");
  const auto head_text = buffer.substr(0, end == std::string::npos ? end : end + 4);
  const bool is_too_much = head_text.size() > max_head ||
                           std::count(head_text.begin(), head_text.end(), '\n') > max_lines;
  if (is_too_much) {
    std::this_thread::sleep_for(options.is_patient ? Duration{5'000} : Duration{0});
    return false;
  }
  auto head = parse_head(head_text);
  if (!head) return false;
  buffer.erase(0, head_text.size());
  Exchange exchange;
  if (head->is_chunked) {
    exchange = refusal(501, "chunked transfer encoding not supported");
  } else if (head->body_size > max_body) {
    exchange = refusal(501, "for data too large");
  } else {
    const auto size = head->body_size;
    if (!read_until(peer, buffer, [&](const auto& text) { return text.size() >= size; }))
      return false;
    exchange = answer(*head, buffer.substr(0, size));
    buffer.erase(0, size);
  }
  std::this_thread::sleep_for(options.latency +
                              (options.is_patient ? exchange.delay : Duration{0}));
  if (exchange.is_lost) return false;
  const bool closes = is_last || exchange.closes || head->wants_close;
  const auto text = print(exchange, closes);
  out += text.size();
  return peer.write(text) && !closes;
}

void HttpsShell::State::serve(http::TlsPeer& peer) {
  std::string buffer;
  for (int request = 1; request <= max_requests; ++request)
    if (!serve_one(peer, buffer, request == max_requests)) return;
}

HttpsShell::HttpsShell(StandIn& stand_in, const http::TlsIdentity& identity, ShellOptions options)
    : state_{std::make_unique<State>(stand_in, options)} {
  state_->server = std::make_unique<http::TlsServer>(
      identity, [state = state_.get()](http::TlsPeer& peer) { state->serve(peer); }, 0,
      options.port);
}

HttpsShell::~HttpsShell() = default;

std::string HttpsShell::url() const { return state_->server->url(); }
int HttpsShell::connections() const { return state_->server->connections(); }
std::uint64_t HttpsShell::bytes_in() const { return state_->in; }
std::uint64_t HttpsShell::bytes_out() const { return state_->out; }

void HttpsShell::with_stand_in(const std::function<void(StandIn&)>& use) {
  const std::lock_guard lock{state_->guard};
  use(state_->stand_in);
}

std::string report_of(StandIn& stand_in) {
  json report{{"calls", stand_in.calls()},
              {"endpoints", stand_in.calls_by_endpoint()},
              {"violations", json::array()},
              {"guests", json::array()},
              {"volumes", json::array()}};
  for (const auto& violation : stand_in.violations())
    report["violations"].push_back(to_string(violation));
  for (const auto& [vmid, guest] : stand_in.world().guests)
    report["guests"].push_back({{"vmid", vmid},
                                {"kind", to_string(guest.kind)},
                                {"birth", guest.birth},
                                {"name", name_of(guest)},
                                {"status", word_for(guest.power)},
                                {"config", guest.config}});
  for (const auto& [id, volume] : stand_in.world().volumes)
    report["volumes"].push_back({{"id", id},
                                 {"kind", volume.kind},
                                 {"vmid", volume.vmid},
                                 {"size", volume.size},
                                 {"content", volume.content},
                                 {"notes", volume.notes},
                                 {"protected", volume.is_protected}});
  return report.dump(1);
}

}  // namespace holdfast::standin
