#pragma once

#include <string>
#include <string_view>

#include "dav/http/message.h"

namespace server {

// The few answers that are neither DAV nor a person's data, and the headers that keep content from becoming code.

// A status with one line of text.
http::Response plain_answer(http::Status status);
http::Response method_refused(std::string_view allowed);

http::Response health_page();
http::Response ready_page(bool ready);
http::Response authority_page(const std::string& ca_pem);  // empty = 404
http::Response welcome_page();
// RFC 6764 §5: where the DAV space begins.
http::Response to_dav(std::string_view base_path);
http::Response to_home(std::string_view base_path);

// security.md 5.2: pages of our own, and octets that people put here.
void harden_page(http::Response& response);
void harden_content(http::Response& response);

}  // namespace server
