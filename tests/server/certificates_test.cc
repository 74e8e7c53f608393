#include "server/certificates.h"
#include "storage/base/failure.h"  // before Catch2, which has a CHECK of its own

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/server/fake_clock.h"
#include "tests/server/scratch.h"

namespace {

using server::LocalAuthority;

constexpr std::int64_t kDayMs = 86'400'000;
const server::CertificateNames kNames{{"board", "board.local", "localhost"}, {"127.0.0.1", "::1", "192.0.2.7"}};

class Folder {
  public:
    std::string path() const { return scratch_.root(); }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path() + "/" + name, std::ios::trunc) << text;
    }
    std::string file(const std::string& name) const { return path() + "/" + name; }
    unsigned mode(const std::string& name) const {
        struct stat facts {};
        return ::stat(file(name).c_str(), &facts) == 0 ? facts.st_mode & 07777U : 0;
    }

  private:
    Scratch scratch_;
};

server::CertificateFacts facts_of(const net::Certificate& certificate) {
    const auto facts = server::certificate_facts(certificate.chain_pem);
    REQUIRE(facts);
    return *facts;
}

}  // namespace

TEST_CASE("the authority is made once and kept, readable by its owner only") {
    const Folder folder;
    ShiftedClock clock;
    const LocalAuthority first(folder.path(), clock);
    const LocalAuthority again(folder.path(), clock);
    CHECK(first.ca_pem() == again.ca_pem());
    CHECK(folder.mode("ca.pem") == 0600);
    CHECK(folder.mode("ca.key") == 0600);
    CHECK(folder.mode("") == 0700);
    CHECK(first.ca_pem().find("PRIVATE") == std::string::npos);
    const auto facts = server::certificate_facts(first.ca_pem());
    REQUIRE(facts);
    CHECK(facts->fingerprint.size() == 32 * 3 - 1);
    CHECK((facts->not_after_ms - clock.now_ms()) / kDayMs >= LocalAuthority::kAuthorityDays - 1);
}

TEST_CASE("the server certificate names the machine and is short-lived") {
    const Folder folder;
    ShiftedClock clock;
    LocalAuthority authority(folder.path(), clock);
    const auto issued = authority.certificate_for(kNames);
    CHECK(issued.renewed);
    CHECK(folder.mode("tls.pem") == 0600);
    const auto facts = facts_of(issued.certificate);
    CHECK(facts.names.hosts == kNames.hosts);
    CHECK(facts.names.addresses == kNames.addresses);
    CHECK((facts.not_after_ms - facts.not_before_ms) / kDayMs == LocalAuthority::kCertificateDays);
    CHECK(facts.not_before_ms < clock.now_ms());
    // The pair belongs together.
    CHECK_NOTHROW(server::load_certificate(folder.file("tls.pem"), folder.file("tls.pem")));
}

TEST_CASE("the server certificate is made anew only when it has to be") {
    const Folder folder;
    ShiftedClock clock;
    LocalAuthority authority(folder.path(), clock);
    const auto first = authority.certificate_for(kNames).certificate.chain_pem;

    SECTION("not while all is well, also after a restart") {
        const auto issued = LocalAuthority(folder.path(), clock).certificate_for(kNames);
        CHECK_FALSE(issued.renewed);
        CHECK(issued.certificate.chain_pem == first);
    }
    SECTION("not for one name less") {
        auto fewer = kNames;
        fewer.addresses.pop_back();
        CHECK_FALSE(authority.certificate_for(fewer).renewed);
    }
    SECTION("for a new address") {
        auto more = kNames;
        more.addresses.emplace_back("2001:db8::7");
        const auto issued = authority.certificate_for(more);
        CHECK(issued.renewed);
        CHECK(facts_of(issued.certificate).names.addresses == more.addresses);
    }
    SECTION("with less than 30 days left, under the same authority") {
        const std::string ca = authority.ca_pem();
        clock.advance((LocalAuthority::kCertificateDays - LocalAuthority::kRenewDays - 1) * kDayMs);
        CHECK_FALSE(authority.certificate_for(kNames).renewed);
        clock.advance(kDayMs);
        const auto issued = authority.certificate_for(kNames);
        CHECK(issued.renewed);
        CHECK(facts_of(issued.certificate).not_after_ms - clock.now_ms() > 390 * kDayMs);
        CHECK(authority.ca_pem() == ca);
    }
    SECTION("when it is damaged or missing") {
        folder.write("tls.pem", first.substr(0, first.size() / 2));
        CHECK(authority.certificate_for(kNames).renewed);
        ::unlink(folder.file("tls.pem").c_str());
        CHECK(authority.certificate_for(kNames).renewed);
    }
    SECTION("when another authority signed it") {
        const Folder elsewhere;
        LocalAuthority other(elsewhere.path(), clock);
        folder.write("tls.pem", other.certificate_for(kNames).certificate.chain_pem);
        CHECK(authority.certificate_for(kNames).renewed);
    }
}

TEST_CASE("an authority that is damaged is not replaced behind anybody's back") {
    const Folder folder;
    ShiftedClock clock;
    { const LocalAuthority made(folder.path(), clock); }
    SECTION("key of another") {
        const Folder elsewhere;
        const LocalAuthority other(elsewhere.path(), clock);
        std::ifstream in(elsewhere.file("ca.key"));
        folder.write("ca.key", std::string(std::istreambuf_iterator<char>(in), {}));
        CHECK_THROWS_AS(LocalAuthority(folder.path(), clock), base::Failure);
    }
    SECTION("key missing") {
        ::unlink(folder.file("ca.key").c_str());
        CHECK_THROWS_AS(LocalAuthority(folder.path(), clock), base::Failure);
    }
    SECTION("certificate missing: nobody can have trusted it, both are made") {
        ::unlink(folder.file("ca.pem").c_str());
        CHECK_NOTHROW(LocalAuthority(folder.path(), clock));
    }
}

TEST_CASE("a pair from files is refused unless it belongs together") {
    const Folder one;
    const Folder two;
    ShiftedClock clock;
    LocalAuthority a(one.path(), clock);
    LocalAuthority b(two.path(), clock);
    a.certificate_for(kNames);
    b.certificate_for(kNames);
    one.write("text.pem", "no certificate\n");
    const auto why = [](const std::string& chain, const std::string& key) -> std::string {
        try {
            server::load_certificate(chain, key);
        } catch (const base::Failure& failure) {
            return failure.what();
        }
        return {};
    };
    CHECK(why(one.file("tls.pem"), one.file("tls.pem")).empty());
    CHECK_THAT(why(one.file("tls.pem"), two.file("tls.pem")), Catch::Contains("is not the key of"));
    CHECK_THAT(why(one.file("text.pem"), one.file("tls.pem")), Catch::Contains("holds no PEM certificate"));
    CHECK_THAT(why(one.file("tls.pem"), one.file("text.pem")), Catch::Contains("holds no unencrypted PEM private key"));
    CHECK_THAT(why(one.file("gone.pem"), one.file("tls.pem")), Catch::Contains("gone.pem"));
}

TEST_CASE("the machine is named by itself, its loopback addresses and what the configuration adds") {
    const auto names = server::names_of_machine(
        {"cloud.example", "cloud.example:8443", "192.0.2.9", "[2001:db8:0::9]:1", "*", "bad name"});
    const auto has = [](const std::vector<std::string>& list, const char* name) {
        return std::ranges::count(list, name) == 1;
    };
    CHECK(has(names.hosts, "localhost"));
    CHECK(has(names.hosts, "cloud.example"));
    CHECK_FALSE(has(names.hosts, "bad name"));
    CHECK_FALSE(has(names.hosts, "*"));
    CHECK(has(names.addresses, "127.0.0.1"));
    CHECK(has(names.addresses, "::1"));
    CHECK(has(names.addresses, "192.0.2.9"));
    CHECK(has(names.addresses, "2001:db8::9"));
    for (const auto& address : server::lan_addresses()) CHECK(has(names.addresses, address.c_str()));
}
