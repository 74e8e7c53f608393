#include "server/certificates.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <memory>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "storage/base/failure.h"
#include "storage/base/hash.h"
#include "storage/base/log.h"

namespace server {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::size_t kPemBytesMax = 1 << 20;

template <auto Free>
struct Freeing {
    template <typename T>
    void operator()(T* object) const {
        Free(object);
    }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Freeing<Free>>;
using Certificate = Owned<X509, X509_free>;
using PrivateKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using Bio = Owned<BIO, BIO_free_all>;
using Names = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

[[noreturn]] void fail(const std::string& attempted) {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    ERR_clear_error();
    throw base::Failure(base::Fault::io, attempted + ": " + text.data());
}

void must(bool done, const char* attempted) {
    if (!done) fail(attempted);
}

Bio reader(std::string_view text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long length = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(length)};
}

// No terminal is asked for a passphrase: an encrypted key is refused.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

Certificate read_certificate(std::string_view pem) {
    return Certificate(PEM_read_bio_X509(reader(pem).get(), nullptr, no_passphrase, nullptr));
}

PrivateKey read_key(std::string_view pem) {
    return PrivateKey(PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, no_passphrase, nullptr));
}

std::string pem_of(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    must(PEM_write_bio_X509(bio.get(), certificate) == 1, "writing a certificate");
    return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    must(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "writing a key");
    return text_of(bio.get());
}

std::optional<std::string> read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return std::nullopt;
    std::string text(kPemBytesMax, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

// Whole or not at all, also when the power goes: written beside, synced, renamed.
void write_file(const std::string& folder, const std::string& name, const std::string& text) {
    const std::string path = folder + "/" + name;
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());
    const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) base::throw_errno("making " + fresh);
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto wrote = ::write(file, rest.data(), rest.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) break;
        rest.remove_prefix(static_cast<std::size_t>(wrote));
    }
    const bool synced = rest.empty() && ::fsync(file) == 0;
    const int error = errno;
    ::close(file);
    if (!synced) base::throw_errno("writing " + fresh, error);
    if (::rename(fresh.c_str(), path.c_str()) != 0) base::throw_errno("replacing " + path);
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) base::throw_errno("opening " + folder);
    const bool kept = ::fsync(directory) == 0;
    const int sync_error = errno;
    ::close(directory);
    if (!kept) base::throw_errno("syncing " + folder, sync_error);
}

PrivateKey new_key() {
    PrivateKey key(EVP_EC_gen("P-256"));
    must(key != nullptr, "making a P-256 key");
    return key;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "adding a certificate extension");
}

void set_time(ASN1_TIME* field, std::int64_t at_ms) {
    must(ASN1_TIME_set(field, static_cast<std::time_t>(at_ms / 1000)) != nullptr, "setting a certificate's time");
}

std::int64_t time_of(const ASN1_TIME* field) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(field, &parts) != 1) return 0;
    return static_cast<std::int64_t>(::timegm(&parts)) * 1000;
}

// A certificate for `key` with everything but the issuer and what it is for.
Certificate blank(EVP_PKEY* key, const std::string& common_name, std::int64_t from_ms, std::int64_t to_ms) {
    Certificate made(X509_new());
    must(made != nullptr && X509_set_version(made.get(), X509_VERSION_3) == 1, "making a certificate");
    const Owned<BIGNUM, BN_free> serial(BN_new());
    // 127 bits: positive in its encoding, and never the same twice.
    must(BN_rand(serial.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1, "drawing a serial number");
    must(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(made.get())) != nullptr, "setting a serial number");
    set_time(X509_getm_notBefore(made.get()), from_ms);
    set_time(X509_getm_notAfter(made.get()), to_ms);
    must(X509_set_pubkey(made.get(), key) == 1, "setting a certificate's key");
    constexpr std::size_t kCommonNameMax = 64;  // X.520
    const std::string name = common_name.substr(0, kCommonNameMax);
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()), static_cast<int>(name.size()),
                                    -1, 0) == 1,
         "naming a certificate");
    return made;
}

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    return name.data();
}

CertificateNames names_in(X509* certificate) {
    CertificateNames names;
    const Names list(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; i < sk_GENERAL_NAME_num(list.get()); ++i) {
        int type = 0;
        const auto* value =
            static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list.get(), i), &type));
        const auto* data = ASN1_STRING_get0_data(value);
        const auto length = ASN1_STRING_length(value);
        if (type == GEN_DNS)
            names.hosts.emplace_back(reinterpret_cast<const char*>(data), static_cast<std::size_t>(length));
        if (type == GEN_IPADD && (length == 4 || length == 16)) {
            std::array<char, INET6_ADDRSTRLEN> text{};
            ::inet_ntop(length == 4 ? AF_INET : AF_INET6, data, text.data(), text.size());
            names.addresses.emplace_back(text.data());
        }
    }
    return names;
}

bool contains_all(const std::vector<std::string>& have, const std::vector<std::string>& wanted) {
    return std::ranges::all_of(wanted, [&](const auto& name) { return std::ranges::find(have, name) != have.end(); });
}

}  // namespace

LocalAuthority::LocalAuthority(std::string folder, const base::Clock& clock)
    : folder_(std::move(folder)), clock_(clock) {
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) base::throw_errno("making " + folder_);
    const auto stored = read_file(folder_ + "/ca.pem");
    const auto stored_key = read_file(folder_ + "/ca.key");
    if (stored && stored_key) {
        const auto certificate = read_certificate(*stored);
        const auto key = read_key(*stored_key);
        if (certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1) {
            ca_pem_ = *stored;
            ca_key_pem_ = *stored_key;
            return;
        }
        // Made anew, every device would have to trust it again: a person decides that.
        throw base::Failure(base::Fault::corrupt, folder_ +
                                                      "/ca.pem and ca.key do not belong together or are damaged; "
                                                      "restore them from a backup, or remove both to start anew");
    }
    if (stored) {
        throw base::Failure(base::Fault::corrupt,
                            folder_ + "/ca.key is missing; restore it, or remove ca.pem to start anew");
    }
    const auto key = new_key();
    const std::int64_t now = clock_.now_ms();
    const std::string id = base::hex(base::new_random_id(base::system_rng()).view()).substr(0, 8);
    const auto made =
        blank(key.get(), "Hearth of " + host_name() + " " + id, now - kDayMs, now + kAuthorityDays * kDayMs);
    X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
    add_extension(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(made.get(), made.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(made.get(), made.get(), NID_subject_key_identifier, "hash");
    must(X509_sign(made.get(), key.get(), EVP_sha256()) > 0, "signing the authority");
    ca_pem_ = pem_of(made.get());
    ca_key_pem_ = pem_of(key.get());
    // The key first: with only the key there, the next start makes both again.
    write_file(folder_, "ca.key", ca_key_pem_);
    write_file(folder_, "ca.pem", ca_pem_);
}

LocalAuthority::Issued LocalAuthority::certificate_for(const CertificateNames& names) {
    if (const auto stored = read_file(folder_ + "/tls.pem"); stored && good_enough(*stored, names)) {
        return {{*stored, *stored}, false};
    }
    const std::string made = issue(names);
    write_file(folder_, "tls.pem", made);
    return {{made, made}, true};
}

bool LocalAuthority::good_enough(const std::string& pem, const CertificateNames& names) const {
    const auto certificate = read_certificate(pem);
    const auto key = read_key(pem);
    const auto authority = read_certificate(ca_pem_);
    ERR_clear_error();
    if (!certificate || !key || X509_check_private_key(certificate.get(), key.get()) != 1) return false;
    if (X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) != 1) return false;
    const std::int64_t now = clock_.now_ms();
    if (time_of(X509_get0_notBefore(certificate.get())) > now) return false;
    if (time_of(X509_get0_notAfter(certificate.get())) - now < kRenewDays * kDayMs) return false;
    const auto have = names_in(certificate.get());
    return contains_all(have.hosts, names.hosts) && contains_all(have.addresses, names.addresses);
}

// Certificate, authority and key in one text: each reader takes what it looks for.
std::string LocalAuthority::issue(const CertificateNames& names) const {
    const auto authority = read_certificate(ca_pem_);
    const auto authority_key = read_key(ca_key_pem_);
    const auto key = new_key();
    const std::int64_t now = clock_.now_ms();
    constexpr std::int64_t kSkewMs = 3'600'000;  // clients whose clock is a little behind
    const auto made = blank(key.get(), names.hosts.empty() ? "hearth" : names.hosts.front(), now - kSkewMs,
                            now - kSkewMs + kCertificateDays * kDayMs);
    must(X509_set_issuer_name(made.get(), X509_get_subject_name(authority.get())) == 1, "naming an issuer");
    std::string alternatives;
    for (const auto& host : names.hosts) alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + host;
    for (const auto& address : names.addresses) alternatives += (alternatives.empty() ? "IP:" : ",IP:") + address;
    add_extension(made.get(), authority.get(), NID_subject_alt_name, alternatives);
    add_extension(made.get(), authority.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(made.get(), authority.get(), NID_key_usage, "critical,digitalSignature");
    add_extension(made.get(), authority.get(), NID_ext_key_usage, "serverAuth");
    add_extension(made.get(), authority.get(), NID_subject_key_identifier, "hash");
    add_extension(made.get(), authority.get(), NID_authority_key_identifier, "keyid:always");
    must(X509_sign(made.get(), authority_key.get(), EVP_sha256()) > 0, "signing a certificate");
    return pem_of(made.get()) + ca_pem_ + pem_of(key.get());
}

std::optional<std::string> stored_authority(const std::string& folder) {
    return read_file(folder + "/ca.pem");
}

net::Certificate load_certificate(const std::string& chain_file, const std::string& key_file) {
    const auto chain = read_file(chain_file);
    if (!chain) base::throw_errno("reading tls.cert " + chain_file);
    const auto key_text = read_file(key_file);
    if (!key_text) base::throw_errno("reading tls.key " + key_file);
    const auto certificate = read_certificate(*chain);
    const auto key = read_key(*key_text);
    ERR_clear_error();
    if (!certificate) throw base::Failure(base::Fault::io, "tls.cert " + chain_file + " holds no PEM certificate");
    if (!key) throw base::Failure(base::Fault::io, "tls.key " + key_file + " holds no unencrypted PEM private key");
    if (X509_check_private_key(certificate.get(), key.get()) != 1) {
        ERR_clear_error();
        throw base::Failure(base::Fault::io, "tls.key " + key_file + " is not the key of tls.cert " + chain_file);
    }
    return {*chain, *key_text};
}

std::optional<CertificateFacts> certificate_facts(std::string_view pem) {
    const auto certificate = read_certificate(pem);
    ERR_clear_error();
    if (!certificate) return std::nullopt;
    CertificateFacts facts;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    must(X509_digest(certificate.get(), EVP_sha256(), digest.data(), &length) == 1, "hashing a certificate");
    for (unsigned i = 0; i < length; ++i) {
        std::string pair = base::hex({reinterpret_cast<const char*>(digest.data()) + i, 1});
        std::ranges::transform(pair, pair.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
        facts.fingerprint += (i == 0 ? "" : ":") + pair;
    }
    facts.not_before_ms = time_of(X509_get0_notBefore(certificate.get()));
    facts.not_after_ms = time_of(X509_get0_notAfter(certificate.get()));
    facts.names = names_in(certificate.get());
    return facts;
}

}  // namespace server
