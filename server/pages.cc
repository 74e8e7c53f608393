#include "server/pages.h"

namespace server {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";

constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default";
constexpr std::string_view kContentPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; sandbox";
// The viewers of browsers fail under `sandbox`.
constexpr std::string_view kPdfPolicy = "default-src 'none'; frame-ancestors 'self'";

// Links are relative to "/" below the base path, so the page is the same under every one.
constexpr std::string_view kWelcome = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hearth</title>
</head>
<body>
<h1>Hearth</h1>
<p>This server keeps the files of a household.</p>
<p>Your files are at <a href="dav/files/">dav/files/</a>, in this browser or as a network drive (WebDAV).
Log in with your name and your password, or with an app password.</p>
</body>
</html>
)html";

void set_default(http::Headers& headers, std::string_view name, std::string_view value) {
    if (!headers.has(name)) headers.add(name, value);
}

http::Response redirect(std::string location) {
    http::Response response(http::Status::moved_permanently);
    response.headers.add("Location", location);
    response.headers.add("Cache-Control", "no-cache");
    return response;
}

}  // namespace

http::Response plain_answer(http::Status status) {
    return http::Response(status, kText, std::string(http::reason(status)) + "\n");
}

http::Response method_refused(std::string_view allowed) {
    http::Response response = plain_answer(http::Status::method_not_allowed);
    response.headers.add("Allow", allowed);
    return response;
}

http::Response health_page() {
    http::Response response = plain_answer(http::Status::ok);
    response.headers.add("Cache-Control", "no-store");
    return response;
}

http::Response ready_page(bool ready) {
    http::Response response = plain_answer(ready ? http::Status::ok : http::Status::service_unavailable);
    response.headers.add("Cache-Control", "no-store");
    return response;
}

http::Response authority_page(const std::string& ca_pem) {
    if (ca_pem.empty()) return plain_answer(http::Status::not_found);
    // The type makes phones offer to install it.
    http::Response response(http::Status::ok, "application/x-x509-ca-cert", ca_pem);
    response.headers.add("Content-Disposition", "attachment; filename=\"hearth-ca.crt\"");
    response.headers.add("Cache-Control", "no-cache");
    return response;
}

http::Response welcome_page() {
    http::Response response(http::Status::ok, "text/html; charset=utf-8", std::string(kWelcome));
    harden_page(response);
    return response;
}

http::Response to_dav(std::string_view base_path) {
    return redirect(std::string(base_path) + "/dav/");
}

http::Response to_home(std::string_view base_path) {
    return redirect(std::string(base_path) + "/");
}

void harden_page(http::Response& response) {
    response.headers.set("Content-Security-Policy", kPagePolicy);
    response.headers.set("Cross-Origin-Opener-Policy", "same-origin");
    response.headers.set("Cross-Origin-Resource-Policy", "same-origin");
    response.headers.set("Referrer-Policy", "no-referrer");
    response.headers.set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()");
    response.headers.set("Cache-Control", "no-store");
}

void harden_content(http::Response& response) {
    const bool pdf = response.headers.get("Content-Type").starts_with("application/pdf");
    set_default(response.headers, "Content-Security-Policy", pdf ? kPdfPolicy : kContentPolicy);
    set_default(response.headers, "Cross-Origin-Resource-Policy", "same-origin");
    set_default(response.headers, "Cache-Control", "private, no-cache");
    set_default(response.headers, "Vary", "Authorization, Cookie");
}

}  // namespace server
