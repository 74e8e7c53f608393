#pragma once

#include <span>
#include <string>

#include "dav/http/message.h"

namespace server {

// False: the request is for another server (421). `hosts` empty = any name is ours; an entry without port stands for
// every port. An absolute-form target that names another host than the Host header is never ours, whatever `hosts`
// says.
bool is_for_us(const http::RequestHead& head, std::span<const std::string> hosts);

// True: a page of another site made a browser send this. Browsers keep Basic credentials and send them along, so a
// right password proves nothing then. A matching Origin passes: some clients that are no browser send their own.
bool is_cross_site(const http::RequestHead& head);

}  // namespace server
