#include "dav/http/media_type.h"

#include <catch2/catch.hpp>
#include <string>

using http::Disposition;
using namespace std::string_literals;

TEST_CASE("the type comes from the last extension, without case") {
    CHECK(http::media_type_of("a.jpg") == "image/jpeg");
    CHECK(http::media_type_of("A.JPG") == "image/jpeg");
    CHECK(http::media_type_of("archive.tar.gz") == "application/gzip");
    CHECK(http::media_type_of("notes.txt") == "text/plain; charset=utf-8");
    CHECK(http::media_type_of("7z.7z") == "application/x-7z-compressed");
    CHECK(http::media_type_of("last.zst") == "application/zstd");
    for (const auto* name : {"", ".", "a", "a.", "a.unknown", "a.jpg.", "a.averyveryverylongextension", "a.j\xff"}) {
        CAPTURE(name);
        CHECK(http::media_type_of(name) == "application/octet-stream");
    }
}

TEST_CASE("only types without activity are shown in our origin") {
    for (const auto* name : {"a.jpg", "a.png", "a.gif", "a.webp", "a.avif", "a.mp4", "a.webm", "a.ogg", "a.mp3",
                             "a.wav", "a.flac", "a.txt", "a.pdf"}) {
        CAPTURE(name);
        CHECK(http::is_shown_inline(http::media_type_of(name)));
    }
    for (const auto* name : {"a.html", "a.htm", "a.xhtml", "a.svg", "a.xml", "a.js", "a.css", "a.ics", "a.vcf",
                             "a.json", "a.eml", "a.wasm", "a.swf", "a.kml", "a.md", "a.vtt", "a", "a.docx", "a.ps"}) {
        CAPTURE(name);
        CHECK_FALSE(http::is_shown_inline(http::media_type_of(name)));
    }
    CHECK(http::is_shown_inline("TEXT/PLAIN ; charset=us-ascii"));
    CHECK_FALSE(http::is_shown_inline("text/plain, text/html"));
    CHECK_FALSE(http::is_shown_inline("text/plainx"));
    CHECK_FALSE(http::is_shown_inline(""));
}

TEST_CASE("Content-Disposition says the name and nothing else") {
    const struct {
        std::string name;
        const char* expected;
    } rows[] = {
        {"a.txt", "attachment; filename=\"a.txt\""},
        {"two words.txt", "attachment; filename=\"two words.txt\""},
        {"\xc3\xa9t\xc3\xa9.txt", "attachment; filename=\"_t_.txt\"; filename*=UTF-8''%C3%A9t%C3%A9.txt"},
        {"a\"b\\c.txt", "attachment; filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b%5Cc.txt"},
        {"a\r\nSet-Cookie: x=1",
         "attachment; filename=\"a__Set-Cookie: x=1\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x%3D1"},
        {"50%41.txt", "attachment; filename=\"50_41.txt\"; filename*=UTF-8''50%2541.txt"},
        {"a;filename=b.exe", "attachment; filename=\"a_filename=b.exe\"; filename*=UTF-8''a%3Bfilename%3Db.exe"},
        {"../x", "attachment; filename=\".._x\"; filename*=UTF-8''..%2Fx"},
        {"caf\xe9.txt", "attachment; filename=\"caf_.txt\""},
        {"\x80", "attachment; filename=\"_\""},
        {"", "attachment; filename=\"\""},
    };
    for (const auto& row : rows) CHECK(http::content_disposition(Disposition::attachment, row.name) == row.expected);
    CHECK(http::content_disposition(Disposition::inline_, "a.png") == "inline; filename=\"a.png\"");
}

TEST_CASE("answers with a user's bytes take every right away from them") {
    http::Headers headers;
    http::add_content_headers(headers, "text/html; charset=utf-8", "evil.html");
    CHECK(headers.get("Content-Disposition") == "attachment; filename=\"evil.html\"");
    CHECK(headers.get("Content-Security-Policy").find("sandbox") != std::string::npos);
    CHECK(headers.get("X-Content-Type-Options") == "nosniff");
    CHECK(headers.get("Cross-Origin-Resource-Policy") == "same-origin");
    http::add_content_headers(headers, "application/pdf", "a.pdf");
    CHECK(headers.count("Content-Type") == 1);
    CHECK(headers.get("Content-Disposition") == "inline; filename=\"a.pdf\"");
    CHECK(headers.get("Content-Security-Policy") == "default-src 'none'; frame-ancestors 'self'");
}
