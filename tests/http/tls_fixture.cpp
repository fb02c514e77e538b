// SPDX-License-Identifier: Apache-2.0
#include "tests/http/tls_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <list>
#include <set>
#include <stdexcept>
#include <utility>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/guarded.hpp"
#include "base/handle.hpp"
#include "base/sha256.hpp"
#include "base/unique_fd.hpp"

namespace holdfast::http {
namespace {

using BioHandle = Handle<BIO, BIO_free_all>;
using KeyHandle = Handle<EVP_PKEY, EVP_PKEY_free>;
using CertificateHandle = Handle<X509, X509_free>;
using ExtensionHandle = Handle<X509_EXTENSION, X509_EXTENSION_free>;
using ContextHandle = Handle<SSL_CTX, SSL_CTX_free>;
using SslHandle = Handle<SSL, SSL_free>;

void must(bool is_so, const char* what) {
  if (!is_so) throw std::runtime_error{what};
}

KeyHandle new_key() { return KeyHandle{EVP_EC_gen("P-256")}; }

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const BioHandle bio{BIO_new(BIO_s_mem())};
  must(PEM_write_bio_X509(bio.get(), certificate) == 1, "print a certificate");
  return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const BioHandle bio{BIO_new(BIO_s_mem())};
  must(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
       "print a key");
  return text_of(bio.get());
}

void extend(X509* certificate, int what, const std::string& value) {
  const ExtensionHandle extension{X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str())};
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extend a certificate");
}

CertificateHandle new_certificate(const char* name, EVP_PKEY* key, long serial) {
  CertificateHandle certificate{X509_new()};
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return certificate;
}

std::string pin_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  must(size > 0, "encode a public key");
  const auto hash = sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return {hash.begin(), hash.end()};
}

class Peer final : public TlsPeer {
 public:
  explicit Peer(SSL* ssl) : ssl_{ssl} {}

  std::string read_request() override {
    std::string text;
    while (true) {
      const auto head = text.find("\r\n\r\n");
      if (head != std::string::npos && text.size() >= head + 4 + body_size(text.substr(0, head)))
        return text;
      const auto more = read_some();
      if (more.empty()) return {};
      text += more;
    }
  }

  std::string read_some() override {
    std::array<char, 4096> buffer{};
    const int n = SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
    if (n <= 0) return {};
    return {buffer.data(), static_cast<std::size_t>(n)};
  }

  bool write(std::string_view bytes) override {
    return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  }

 private:
  static std::size_t body_size(const std::string& head) {
    const std::string name = "Content-Length: ";
    const auto at = head.find(name);
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + name.size()));
  }
  SSL* ssl_;
};

}  // namespace

struct TestCa::Keys {
  KeyHandle key = new_key();
  CertificateHandle certificate{};
};

TestCa::TestCa() : keys_{std::make_unique<Keys>()} {
  keys_->certificate = new_certificate("Test CA", keys_->key.get(), 1);
  X509* const certificate = keys_->certificate.get();
  X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
  must(X509_sign(certificate, keys_->key.get(), EVP_sha256()) > 0, "sign the CA");
  pem_ = pem_of(certificate);
}

TestCa::~TestCa() = default;

TlsIdentity TestCa::issue(const LeafOptions& options) const {
  const KeyHandle key = new_key();
  const CertificateHandle certificate = new_certificate("leaf", key.get(), 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.not_before.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.not_after.count());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(keys_->certificate.get()));
  extend(certificate.get(), NID_subject_alt_name, options.name);
  must(X509_sign(certificate.get(), keys_->key.get(), EVP_sha256()) > 0, "sign a leaf");
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  must(X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size) == 1, "hash a leaf");
  return {pem_of(key.get()), pem_of(certificate.get()), pin_of(key.get()),
          std::string{reinterpret_cast<const char*>(hash.data()), size}};
}

struct TlsServer::State {
  std::function<void(TlsPeer&)> serve{};
  ContextHandle context{};
  UniqueFd listener{};
  std::uint16_t port = 0;
  std::atomic<int> connections{0};
  Guarded<std::set<int>> open{};  // descriptors that a peer talks on
  Guarded<std::vector<std::jthread::id>> ended{};
  std::list<std::jthread> peers{};  // behind all that they use
  std::jthread acceptor{};

  void talk(UniqueFd fd) {
    const int number = fd.get();
    open.lock()->insert(number);
    const SslHandle ssl{SSL_new(context.get())};
    SSL_set_fd(ssl.get(), number);
    if (SSL_accept(ssl.get()) == 1) {
      Peer peer{ssl.get()};
      serve(peer);
      SSL_shutdown(ssl.get());
    }
    open.lock()->erase(number);
    ended.lock()->push_back(std::this_thread::get_id());
  }
  // Threads that have ended hold their stacks until they are joined.
  void join_ended() {
    const auto ids = std::exchange(*ended.lock(), {});
    peers.remove_if([&](const std::jthread& peer) {
      return std::find(ids.begin(), ids.end(), peer.get_id()) != ids.end();
    });
  }
  void accept(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd wait{listener.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20) <= 0) continue;
      join_ended();
      UniqueFd fd{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!fd) continue;
      ++connections;
      const timeval patience{5, 0};  // a client that went away must not hold the test up
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
      const int on = 1;  // an answer of several records is not to wait for its peer's word
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      peers.emplace_back([this, fd = std::move(fd)]() mutable { talk(std::move(fd)); });
    }
  }
};

TlsServer::TlsServer(const TlsIdentity& identity, std::function<void(TlsPeer&)> serve,
                     int max_tls_version, std::uint16_t port)
    : state_{std::make_unique<State>()} {
  ::signal(SIGPIPE, SIG_IGN);  // clients leave in the middle
  state_->serve = std::move(serve);
  state_->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = state_->context.get();
  if (max_tls_version != 0) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, max_tls_version);
    SSL_CTX_set_max_proto_version(context, max_tls_version);
  }
  const BioHandle key_bio{BIO_new_mem_buf(identity.key.data(), -1)};
  const KeyHandle key{PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr)};
  const BioHandle bio{BIO_new_mem_buf(identity.certificate.data(), -1)};
  const CertificateHandle certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
  must(SSL_CTX_use_certificate(context, certificate.get()) == 1 &&
           SSL_CTX_use_PrivateKey(context, key.get()) == 1,
       "take an identity");

  state_->listener = UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int on = 1;  // a port that was just in use
  ::setsockopt(state_->listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  must(::bind(state_->listener.get(), generic, sizeof address) == 0, "bind");
  must(::listen(state_->listener.get(), 16) == 0, "listen");
  socklen_t size = sizeof address;
  must(::getsockname(state_->listener.get(), generic, &size) == 0, "getsockname");
  state_->port = ntohs(address.sin_port);
  state_->acceptor =
      std::jthread{[state = state_.get()](const std::stop_token& stop) { state->accept(stop); }};
}

TlsServer::~TlsServer() {
  state_->acceptor.request_stop();
  state_->acceptor.join();
  for (const int fd : *state_->open.lock()) ::shutdown(fd, SHUT_RDWR);
}

std::string TlsServer::url(const std::string& host) const {
  return "https://" + host + ":" + std::to_string(state_->port);
}
int TlsServer::connections() const { return state_->connections; }

std::string http_answer(int status, std::string_view body, std::string_view headers) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Told\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + std::string{headers} + "\r\n" + std::string{body};
}

}  // namespace holdfast::http
