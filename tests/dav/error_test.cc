#include "dav/error.h"

#include <catch2/catch.hpp>
#include <string>
#include <variant>

namespace {

using namespace dav;

std::string body(const http::Response& response) {
    return std::get<std::string>(response.body);
}

TEST_CASE("an error body holds the condition's element and nothing beside it") {
    const http::Response finite = answer_of(DavError(cond::propfind_finite_depth).detail("secret"));
    CHECK(finite.status == http::Status::forbidden);
    CHECK(finite.headers.get("Content-Type") == "application/xml; charset=utf-8");
    CHECK(body(finite).find("<D:error xmlns:D=\"DAV:\"><D:propfind-finite-depth/></D:error>") != std::string::npos);
    CHECK(body(finite).find("secret") == std::string::npos);
}

TEST_CASE("need-privileges says what is lacking where") {
    const http::Response response =
        answer_of(DavError(cond::need_privileges).needs("/dav/files/a%26b/", Privilege::write));
    CHECK(body(response).find("<D:need-privileges><D:resource><D:href>/dav/files/a%26b/</D:href>"
                              "<D:privilege><D:write/></D:privilege></D:resource></D:need-privileges>") !=
          std::string::npos);
}

TEST_CASE("a bare status has no body but its header fields") {
    const http::Response response = answer_of(DavError(http::Status::method_not_allowed).header("Allow", "OPTIONS"));
    CHECK(response.headers.get("Allow") == "OPTIONS");
    CHECK(http::body_size(response.body) == 0);
}

TEST_CASE("a failed machine is mapped once") {
    using base::Fault;
    CHECK(answer_of(base::Failure(Fault::io, "x")).status == http::Status::internal_server_error);
    CHECK(answer_of(base::Failure(Fault::corrupt, "x")).status == http::Status::internal_server_error);
    CHECK(answer_of(base::Failure(Fault::denied, "x")).status == http::Status::forbidden);
    const http::Response full = answer_of(base::Failure(Fault::disk_full, "x"));
    CHECK(full.status == http::Status::insufficient_storage);
    CHECK(body(full).find("<D:sufficient-disk-space/>") != std::string::npos);
    for (const Fault fault : {Fault::busy, Fault::unavailable}) {
        const http::Response later = answer_of(base::Failure(fault, "x"));
        CHECK(later.status == http::Status::service_unavailable);
        CHECK(later.headers.has("Retry-After"));
    }
}

}  // namespace
