#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/net/server.h"
#include "storage/base/clock.h"

namespace server {

// Names a server certificate is for.
struct CertificateNames {
    std::vector<std::string> hosts;      // DNS names, lower case
    std::vector<std::string> addresses;  // IP addresses as text
};

// What the certificate of this machine should name: the host name, HOST.local, localhost, 127.0.0.1, ::1, every address
// of the machine, and `extra` (names or addresses of the configuration).
CertificateNames names_of_machine(const std::vector<std::string>& extra);

// Not loopback, not link-local; the one of the default route first.
std::vector<std::string> lan_addresses();

// The small certificate authority of one home and the server certificate it signs, kept in <root>/.hearth/keys/ as
// ca.pem, ca.key and tls.pem, mode 0600. Used by one thread at a time; what it wrote is durable.
class LocalAuthority {
  public:
    static constexpr std::int64_t kAuthorityDays = 3650;
    static constexpr std::int64_t kCertificateDays = 397;  // longer ones are refused by some clients
    static constexpr std::int64_t kRenewDays = 30;         // fewer left: made anew

    // Reads the authority in `folder`, or makes folder and authority. Throws base::Failure.
    LocalAuthority(std::string folder, const base::Clock& clock);

    const std::string& ca_pem() const { return ca_pem_; }
    // The certificate in the folder; made anew when it is missing, damaged, not signed by this authority, has less than
    // kRenewDays left, or lacks one of `names`. `renewed` says so.
    struct Issued {
        net::Certificate certificate;
        bool renewed = false;
    };
    Issued certificate_for(const CertificateNames& names);

  private:
    bool good_enough(const std::string& pem, const CertificateNames& names) const;
    std::string issue(const CertificateNames& names) const;

    std::string folder_;
    const base::Clock& clock_;
    std::string ca_pem_;
    std::string ca_key_pem_;
};

// The authority's certificate in `folder`, if there is one already.
std::optional<std::string> stored_authority(const std::string& folder);

// Reads a chain and a key from PEM files. Throws base::Failure that names the file: missing, no PEM, key of another
// certificate.
net::Certificate load_certificate(const std::string& chain_file, const std::string& key_file);

// Of the first certificate in `pem`.
struct CertificateFacts {
    std::string fingerprint;  // SHA-256, "AB:CD:…"
    std::int64_t not_before_ms = 0;
    std::int64_t not_after_ms = 0;
    CertificateNames names;
};
std::optional<CertificateFacts> certificate_facts(std::string_view pem);

}  // namespace server
