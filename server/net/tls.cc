#include "server/net/tls.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstring>
#include <mutex>
#include <optional>

#include "server/net/timers.h"
#include "storage/base/failure.h"

namespace net {
namespace {

constexpr std::int64_t kTicketKeyMs = 12 * 3'600'000;

constexpr const char* kSuites13 = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr const char* kSuites12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

[[noreturn]] void fail(const std::string& attempted) {
    char text[256] = "";
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    ERR_clear_error();
    throw base::Failure(base::Fault::io, attempted + ": " + text);
}

using Bio = std::unique_ptr<BIO, decltype([](BIO* bio) { BIO_free(bio); })>;
using X509Owner = std::unique_ptr<X509, decltype([](X509* x) { X509_free(x); })>;
using KeyOwner = std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })>;

void load_chain(SSL_CTX* context, const std::string& pem) {
    Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    X509Owner leaf(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!leaf) fail("reading the TLS certificate");
    if (SSL_CTX_use_certificate(context, leaf.get()) != 1) fail("using the TLS certificate");
    for (;;) {
        X509Owner next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
        if (!next) break;
        if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) fail("using the TLS certificate chain");
    }
    ERR_clear_error();  // the end of the PEM text is reported as an error
}

void load_key(SSL_CTX* context, const std::string& pem) {
    Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    // An empty pass phrase instead of a prompt on the terminal.
    std::string no_pass_phrase;
    KeyOwner key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_pass_phrase.data()));
    if (!key) fail("reading the TLS key");
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) fail("using the TLS key");
    if (SSL_CTX_check_private_key(context) != 1) fail("the TLS key is not the one of the certificate");
}

// HTTP/1.1 only: HTTP/2 brings the rapid-reset and CONTINUATION families with it.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                    unsigned int in_length, void*) {
    static constexpr unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    int found = SSL_select_next_proto(&chosen, out_length, ours, sizeof ours, in, in_length);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

// Keys that seal session tickets: a new one every 12 hours, the one before it still opens tickets. Whoever gets a key
// of today can not read the traffic of yesterday.
class TlsContext::TicketKeys {
  public:
    struct Key {
        std::array<unsigned char, 16> name;
        std::array<unsigned char, 32> cipher;
        std::array<unsigned char, 32> mac;
    };
    ~TicketKeys() { OPENSSL_cleanse(keys_.data(), sizeof keys_); }

    std::optional<Key> current() {
        std::lock_guard hold(mutex_);
        std::int64_t now = monotonic_ms();
        if (made_ms_ == 0 || now - made_ms_ > kTicketKeyMs) {
            Key fresh;
            if (RAND_bytes(reinterpret_cast<unsigned char*>(&fresh), sizeof fresh) != 1) return std::nullopt;
            keys_[1] = keys_[0];
            keys_[0] = fresh;
            made_ms_ = now;
        }
        return keys_[0];
    }
    struct Found {
        Key key;
        bool renew = false;
    };
    std::optional<Found> find(const unsigned char* name) {
        auto newest = current();
        if (!newest) return std::nullopt;
        if (std::memcmp(newest->name.data(), name, 16) == 0) return Found{*newest, false};
        std::lock_guard hold(mutex_);
        if (std::memcmp(keys_[1].name.data(), name, 16) == 0) return Found{keys_[1], true};
        return std::nullopt;
    }

  private:
    std::mutex mutex_;
    std::array<Key, 2> keys_{};
    std::int64_t made_ms_ = 0;
};

// OpenSSL's contract: 1 = go on, 2 = opened but send a new ticket, 0 = no such key (full handshake), -1 = failed.
int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, void* cipher_context, void* mac_context, int seal) {
    auto* cipher = static_cast<EVP_CIPHER_CTX*>(cipher_context);
    auto* mac = static_cast<EVP_MAC_CTX*>(mac_context);
    auto* keys = static_cast<TlsContext::TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    TlsContext::TicketKeys::Key key;
    int result = 1;
    if (seal == 1) {
        auto current = keys->current();
        if (!current || RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
        key = *current;
        std::memcpy(name, key.name.data(), key.name.size());
    } else {
        auto found = keys->find(name);
        if (!found) return 0;
        key = found->key;
        if (found->renew) result = 2;
    }
    char digest[] = "SHA256";
    std::array<OSSL_PARAM, 3> parameters = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    bool ready = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, seal) == 1 &&
                 EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
    OPENSSL_cleanse(&key, sizeof key);
    return ready ? result : -1;
}

namespace {

int ticket_key_callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        int seal) {
    return ticket_key(ssl, name, iv, cipher, mac, seal);
}

}  // namespace

TlsContext::TlsContext(const Certificate& certificate) : tickets_(std::make_unique<TicketKeys>()) {
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> owner(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    SSL_CTX* context = owner.get();
    if (context == nullptr) fail("making a TLS context");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
    if (SSL_CTX_set_ciphersuites(context, kSuites13) != 1 || SSL_CTX_set_cipher_list(context, kSuites12) != 1) {
        fail("setting the TLS cipher suites");
    }
    // The hybrid group where the library knows it (OpenSSL 3.5), the three classic ones everywhere.
    if (SSL_CTX_set1_groups_list(context, "X25519MLKEM768:X25519:P-256:P-384") != 1) {
        ERR_clear_error();
        if (SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") != 1) fail("setting the TLS groups");
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    static constexpr unsigned char kSessionContext[] = "hearth";
    SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext - 1);
    SSL_CTX_set_app_data(context, tickets_.get());
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key_callback);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    load_chain(context, certificate.chain_pem);
    load_key(context, certificate.key_pem);
    context_ = owner.release();
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

}  // namespace net
