#include "storage/staging.h"

#include "storage/base/failure.h"  // before Catch: both have a CHECK, and here it is the test's

#include <catch2/catch.hpp>

#include "tests/storage/temp_root.h"

namespace storage {
namespace {

using test::TempRoot;

std::size_t staged_files(TempRoot& root) {
    return root.tree().list(".hearth/staging").size();
}

Upload::Options up_to(std::uint64_t limit) {
    Upload::Options options;
    options.limit = limit;
    return options;
}

TEST_CASE("small bodies stay in memory, larger ones are staged") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{kInlineBytesMax},
                                   std::size_t{kInlineBytesMax} + 1, std::size_t{9'000'000}}) {
        for (const std::size_t piece : {std::size_t{1000}, std::size_t{262'144}}) {
            TempRoot root;
            std::string bytes(size, '\0');
            for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 253);
            auto options = up_to(10'000'000);
            if (size % 2 == 1) options.expected = size;
            Upload upload(root.tree(), base::system_rng(), options);
            for (std::size_t at = 0; at < size; at += piece) upload.write(std::string_view(bytes).substr(at, piece));
            INFO(size << " in pieces of " << piece);
            CHECK(upload.size() == size);
            CHECK(upload.close().sha256 == base::sha256(bytes));
            CHECK(upload.close().sha1.empty());
            auto content = upload.finish(7'000'000'000);
            CHECK(content.size() == static_cast<std::int64_t>(size));
            CHECK(content.hash() == base::sha256(bytes));
            REQUIRE(content.is_inline() == (size <= kInlineBytesMax));
            CHECK(staged_files(root) == (content.is_inline() ? 0 : 1));
            if (content.is_inline()) {
                CHECK((content.bytes() == bytes));
                continue;
            }
            CHECK((root.read(content.staged_path()) == bytes));
            CHECK(content.staged_facts().mtime_ns == 7'000'000'000);
            CHECK(content.staged_facts().same_version(*root.tree().stat(content.staged_path())));
        }
    }
}

TEST_CASE("what is dropped leaves nothing, what is committed stays") {
    TempRoot root;
    const std::string big(100'000, 'b');
    { Upload(root.tree(), base::system_rng(), up_to(1 << 20)).write(big); }
    CHECK(staged_files(root) == 0);
    const auto finished = [&] {
        Upload upload(root.tree(), base::system_rng(), up_to(1 << 20));
        upload.write(big);
        upload.close();
        return upload.finish(std::nullopt);
    };
    { const auto content = finished(); }
    CHECK(staged_files(root) == 0);
    {
        auto first = finished();
        auto second = finished();
        CHECK(staged_files(root) == 2);
        first = std::move(second);
        CHECK(staged_files(root) == 1);
        Content third(std::move(first));
        CHECK(staged_files(root) == 1);
    }
    CHECK(staged_files(root) == 0);
    {
        auto content = finished();
        content.committed();
        CHECK(!content.is_inline());
    }
    CHECK(staged_files(root) == 1);
}

TEST_CASE("where names keep no order, a staged file has two of them until it is committed") {
    TempRoot root({true, true, false});
    Upload upload(root.tree(), base::system_rng(), up_to(1 << 20));
    upload.write(std::string(20'000, 'x'));
    upload.close();
    {
        const auto content = upload.finish(std::nullopt);
        CHECK(staged_files(root) == 2);
        const auto first = root.tree().stat(content.staged_path());
        const auto second = root.tree().stat(second_name(content.staged_path()));
        REQUIRE(first);
        REQUIRE(second);
        CHECK(first->ino == second->ino);
    }
    CHECK(staged_files(root) == 0);
}

TEST_CASE("a limit is a limit") {
    TempRoot root;
    Upload exact(root.tree(), base::system_rng(), up_to(20'000));
    exact.write(std::string(20'000, 'x'));
    CHECK_THROWS_AS(exact.write("y"), Upload::TooLarge);
    CHECK(exact.size() == 20'000);
    Upload none(root.tree(), base::system_rng(), up_to(0));
    none.write("");
    CHECK_THROWS_AS(none.write("x"), Upload::TooLarge);
    // An announced length beyond the limit reserves no more than the limit.
    auto options = up_to(50'000);
    options.expected = std::uint64_t{1} << 62;
    Upload bounded(root.tree(), base::system_rng(), options);
    bounded.write(std::string(30'000, 'x'));
    CHECK(bounded.size() == 30'000);
}

TEST_CASE("other sums are computed in the same pass") {
    TempRoot root;
    auto options = up_to(100);
    options.want_sha1 = options.want_md5 = options.want_sha512 = true;
    Upload upload(root.tree(), base::system_rng(), options);
    upload.write("a");
    upload.write("bc");
    const auto& sums = upload.close();
    CHECK(base::hex(sums.md5) == "900150983cd24fb0d6963f7d28e17f72");
    CHECK(base::hex(sums.sha1) == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(sums.sha512.size() == 64);
}

TEST_CASE("without its staging folder the root is unavailable") {
    TempRoot root;
    REQUIRE(root.tree().remove_folder(".hearth/staging"));
    Upload upload(root.tree(), base::system_rng(), up_to(1 << 20));
    try {
        upload.write(std::string(20'000, 'x'));
        FAIL("written");
    } catch (const base::Failure& failure) {
        CHECK(failure.fault() == base::Fault::unavailable);
    }
}

}  // namespace
}  // namespace storage
