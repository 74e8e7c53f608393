#include "dav/http/media_type.h"

#include <algorithm>
#include <array>

#include "dav/http/uri.h"
#include "storage/base/path.h"

namespace http {
namespace {

struct Extension {
    std::string_view suffix;
    std::string_view type;
};

// Sorted by suffix; types as registered with IANA where they are.
constexpr std::array kExtensions = {
    Extension{"7z", "application/x-7z-compressed"},
    Extension{"aac", "audio/aac"},
    Extension{"apk", "application/vnd.android.package-archive"},
    Extension{"avi", "video/x-msvideo"},
    Extension{"avif", "image/avif"},
    Extension{"bmp", "image/bmp"},
    Extension{"bz2", "application/x-bzip2"},
    Extension{"c", "text/plain; charset=utf-8"},
    Extension{"cc", "text/plain; charset=utf-8"},
    Extension{"conf", "text/plain; charset=utf-8"},
    Extension{"cpp", "text/plain; charset=utf-8"},
    Extension{"cr2", "image/x-canon-cr2"},
    Extension{"css", "text/css; charset=utf-8"},
    Extension{"csv", "text/csv; charset=utf-8"},
    Extension{"deb", "application/vnd.debian.binary-package"},
    Extension{"djvu", "image/vnd.djvu"},
    Extension{"dng", "image/x-adobe-dng"},
    Extension{"doc", "application/msword"},
    Extension{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    Extension{"eml", "message/rfc822"},
    Extension{"epub", "application/epub+zip"},
    Extension{"flac", "audio/flac"},
    Extension{"gif", "image/gif"},
    Extension{"gpx", "application/gpx+xml"},
    Extension{"gz", "application/gzip"},
    Extension{"h", "text/plain; charset=utf-8"},
    Extension{"heic", "image/heic"},
    Extension{"heif", "image/heif"},
    Extension{"htm", "text/html; charset=utf-8"},
    Extension{"html", "text/html; charset=utf-8"},
    Extension{"ico", "image/vnd.microsoft.icon"},
    Extension{"ics", "text/calendar; charset=utf-8"},
    Extension{"ini", "text/plain; charset=utf-8"},
    Extension{"iso", "application/x-iso9660-image"},
    Extension{"jpeg", "image/jpeg"},
    Extension{"jpg", "image/jpeg"},
    Extension{"js", "text/javascript; charset=utf-8"},
    Extension{"json", "application/json"},
    Extension{"jxl", "image/jxl"},
    Extension{"kml", "application/vnd.google-earth.kml+xml"},
    Extension{"log", "text/plain; charset=utf-8"},
    Extension{"m3u8", "application/vnd.apple.mpegurl"},
    Extension{"m4a", "audio/mp4"},
    Extension{"m4v", "video/mp4"},
    Extension{"md", "text/markdown; charset=utf-8"},
    Extension{"mid", "audio/midi"},
    Extension{"mjs", "text/javascript; charset=utf-8"},
    Extension{"mkv", "video/matroska"},
    Extension{"mobi", "application/x-mobipocket-ebook"},
    Extension{"mov", "video/quicktime"},
    Extension{"mp3", "audio/mpeg"},
    Extension{"mp4", "video/mp4"},
    Extension{"mpeg", "video/mpeg"},
    Extension{"mpg", "video/mpeg"},
    Extension{"nef", "image/x-nikon-nef"},
    Extension{"odg", "application/vnd.oasis.opendocument.graphics"},
    Extension{"odp", "application/vnd.oasis.opendocument.presentation"},
    Extension{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    Extension{"odt", "application/vnd.oasis.opendocument.text"},
    Extension{"oga", "audio/ogg"},
    Extension{"ogg", "audio/ogg"},
    Extension{"ogv", "video/ogg"},
    Extension{"opus", "audio/ogg"},
    Extension{"otf", "font/otf"},
    Extension{"pdf", "application/pdf"},
    Extension{"pl", "text/plain; charset=utf-8"},
    Extension{"png", "image/png"},
    Extension{"ppt", "application/vnd.ms-powerpoint"},
    Extension{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    Extension{"ps", "application/postscript"},
    Extension{"psd", "image/vnd.adobe.photoshop"},
    Extension{"py", "text/plain; charset=utf-8"},
    Extension{"rar", "application/vnd.rar"},
    Extension{"rtf", "application/rtf"},
    Extension{"sh", "text/plain; charset=utf-8"},
    Extension{"sqlite", "application/vnd.sqlite3"},
    Extension{"srt", "application/x-subrip"},
    Extension{"svg", "image/svg+xml"},
    Extension{"tar", "application/x-tar"},
    Extension{"tex", "text/plain; charset=utf-8"},
    Extension{"tgz", "application/gzip"},
    Extension{"tif", "image/tiff"},
    Extension{"tiff", "image/tiff"},
    Extension{"toml", "application/toml"},
    Extension{"torrent", "application/x-bittorrent"},
    Extension{"ts", "video/mp2t"},
    Extension{"ttf", "font/ttf"},
    Extension{"txt", "text/plain; charset=utf-8"},
    Extension{"vcf", "text/vcard; charset=utf-8"},
    Extension{"vtt", "text/vtt; charset=utf-8"},
    Extension{"wasm", "application/wasm"},
    Extension{"wav", "audio/wav"},
    Extension{"webm", "video/webm"},
    Extension{"webp", "image/webp"},
    Extension{"wma", "audio/x-ms-wma"},
    Extension{"wmv", "video/x-ms-wmv"},
    Extension{"woff", "font/woff"},
    Extension{"woff2", "font/woff2"},
    Extension{"xhtml", "application/xhtml+xml"},
    Extension{"xls", "application/vnd.ms-excel"},
    Extension{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    Extension{"xml", "application/xml"},
    Extension{"xz", "application/x-xz"},
    Extension{"yaml", "application/yaml"},
    Extension{"yml", "application/yaml"},
    Extension{"zip", "application/zip"},
    Extension{"zst", "application/zstd"},
};
constexpr bool by_suffix(const Extension& a, const Extension& b) {
    return a.suffix < b.suffix;
}
static_assert(std::is_sorted(kExtensions.begin(), kExtensions.end(), by_suffix));
constexpr std::size_t kSuffixMax = 8;

// Markdown, CSV and the like stay downloads: browsers differ in what they do with text types they do not know.
constexpr std::array<std::string_view, 17> kInlineTypes = {
    "application/pdf", "audio/aac",  "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg",
    "audio/wav",       "audio/webm", "image/avif", "image/gif", "image/jpeg", "image/png",
    "image/webp",      "text/plain", "video/mp4",  "video/ogg", "video/webm",
};

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return out;
}

std::string_view essence_of(std::string_view media_type) {
    auto essence = media_type.substr(0, media_type.find(';'));
    while (!essence.empty() && essence.back() == ' ') essence.remove_suffix(1);
    return essence;
}

constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; sandbox";
// Viewers of browsers fail inside a sandbox; a PDF gets no right to load anything instead.
constexpr std::string_view kPdfPolicy = "default-src 'none'; frame-ancestors 'self'";

}  // namespace

std::string_view media_type_of(std::string_view file_name) {
    constexpr std::string_view kUnknown = "application/octet-stream";
    const auto dot = file_name.rfind('.');
    if (dot == std::string_view::npos || file_name.size() - dot - 1 > kSuffixMax) return kUnknown;
    const auto suffix = lower(file_name.substr(dot + 1));
    const auto* row = std::lower_bound(kExtensions.begin(), kExtensions.end(), Extension{suffix, {}}, by_suffix);
    return row != kExtensions.end() && row->suffix == suffix ? row->type : kUnknown;
}

bool is_shown_inline(std::string_view media_type) {
    const auto essence = lower(essence_of(media_type));
    return std::find(kInlineTypes.begin(), kInlineTypes.end(), essence) != kInlineTypes.end();
}

std::string content_disposition(Disposition disposition, std::string_view file_name) {
    std::string out = disposition == Disposition::attachment ? "attachment" : "inline";
    std::string ascii;
    bool exact = true;
    for (const char c : file_name) {
        // A percent sign is left out as well: some browsers decode it inside filename= (RFC 6266 appendix D).
        const bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '/' && c != '%' && c != ';';
        // One underscore for each character, not for each octet of it.
        const bool continuation = (static_cast<unsigned char>(c) & 0xc0) == 0x80;
        if (!continuation || ascii.empty()) ascii.push_back(plain ? c : '_');
        exact = exact && plain;
    }
    out.append("; filename=\"").append(ascii).append("\"");
    // RFC 8187 carries UTF-8 only; a name on disk that is not must do with the plain form.
    if (!exact && base::is_utf8(file_name)) {
        out.append("; filename*=UTF-8''");
        append_encoded(out, file_name);
    }
    return out;
}

void add_content_headers(Headers& headers, std::string_view media_type, std::string_view file_name) {
    const bool shown = is_shown_inline(media_type);
    const bool pdf = equal_ignoring_case(essence_of(media_type), "application/pdf");
    headers.set("Content-Type", media_type);
    headers.set("Content-Disposition",
                content_disposition(shown ? Disposition::inline_ : Disposition::attachment, file_name));
    headers.set("Content-Security-Policy", pdf ? kPdfPolicy : kPolicy);
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Cross-Origin-Resource-Policy", "same-origin");
}

}  // namespace http
