#include "dav/request_headers.h"
#include "dav/error.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>

namespace {

using namespace dav;

http::RequestHead with(const std::string& name, const std::string& value) {
    http::RequestHead head;
    head.headers.add(name, value);
    return head;
}

TEST_CASE("Depth is 0, 1 or infinity") {
    CHECK_FALSE(depth_of({}));
    CHECK(depth_of(with("Depth", "0")) == Depth::zero);
    CHECK(depth_of(with("depth", "1")) == Depth::one);
    CHECK(depth_of(with("Depth", "infinity")) == Depth::infinity);
    CHECK(depth_of(with("Depth", "Infinity")) == Depth::infinity);
    for (const char* wrong : {"2", "-1", "", "1,1", "0 1", "inf", "00"}) {
        INFO(wrong);
        CHECK_THROWS_AS(depth_of(with("Depth", wrong)), DavError);
    }
}

TEST_CASE("Overwrite is T or F") {
    CHECK(overwrite_of({}) == Overwrite::yes);
    CHECK(overwrite_of(with("Overwrite", "T")) == Overwrite::yes);
    CHECK(overwrite_of(with("Overwrite", "f")) == Overwrite::no);
    for (const char* wrong : {"maybe", "", "true", "T, F"}) {
        INFO(wrong);
        CHECK_THROWS_AS(overwrite_of(with("Overwrite", wrong)), DavError);
    }
}

TEST_CASE("a minimal answer is asked for in three ways") {
    for (const char* yes : {"return=minimal", "respond-async, return=minimal", "return = \"minimal\"; foo=bar",
                            "note=\"a \\\", b\", return=minimal"}) {
        INFO(yes);
        CHECK(wants_minimal(with("Prefer", yes)));
    }
    for (const char* no :
         {"return=representation", "minimal", "xreturn=minimal", "", "note=\"a, return=minimal, b\""}) {
        INFO(no);
        CHECK_FALSE(wants_minimal(with("Prefer", no)));
    }
    CHECK(wants_minimal(with("Brief", "t")));
    CHECK_FALSE(wants_minimal(with("Brief", "f")));
}

TEST_CASE("only what Prefer said is a preference that was applied") {
    CHECK(did_as_preferred(with("Prefer", "return=minimal")));
    CHECK(did_as_preferred(with("Prefer", "return=representation")));
    CHECK_FALSE(did_as_preferred(with("Prefer", "respond-async")));
    CHECK_FALSE(did_as_preferred(with("Brief", "t")));
    auto both = with("Brief", "t");
    both.headers.add("Prefer", "return=representation");
    CHECK_FALSE(did_as_preferred(both));
}

TEST_CASE("X-OC-Mtime is seconds, perhaps with a fraction") {
    CHECK_FALSE(oc_mtime_ns({}));
    CHECK(oc_mtime_ns(with("X-OC-Mtime", "1600000000")) == 1'600'000'000'000'000'000);
    CHECK(oc_mtime_ns(with("X-Oc-Mtime", "1600000000.25")) == 1'600'000'000'250'000'000);
    CHECK(oc_mtime_ns(with("X-OC-Mtime", "0")) == 0);
    for (const char* wrong : {"", "yesterday", "1e9", "99999999999999", "1.x", "1,5", "+5"}) {
        INFO(wrong);
        CHECK_THROWS_AS(oc_mtime_ns(with("X-OC-Mtime", wrong)), DavError);
    }
}

}  // namespace
