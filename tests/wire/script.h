#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// Wire scripts: one behaviour of the server as a client sees it, one file. The language:
//
//   # title                              first line; what is promised and where that is written
//   # only: in-process                   the script needs what a socket can not give (another remote address)
//   ana> PUT /dav/files/ana/a.txt        a request by a user; `anon>` has no credentials, `ana:word>` this password
//   +If-Match: "x"                       a header field
//   |text                                a line of the body (lines are joined by LF, none at the end)
//   ~chunked                             body without Content-Length. Also: ~octets N, ~times N, ~remote ADDRESS
//   < 201                                the status. Then any of:
//   < header ETag = "x"                  also `~ glob*`, `absent`, `present`
//   < body = text                        also `contains`, `lacks`, `empty`, `octets N`; `=` alone: the | lines below
//   < xml XPATH = value                  also `~ glob*`, `absent`, `present`; prefixes D C CR CS A oc Z
//   < xml list XPATH = a b               all values, sorted
//   < same XPATH                         the element equals the | lines below, in canonical XML
//   < continued                          100 Continue was sent (`< not continued`)
//   < let e = header ETag                (or `xml XPATH`) keeps a value for $e below
//   disk> files/ana/a.txt = text         the plain tree; also write, absent, folder, mkdir, symlink, fifo, remove,
//   move, mode, chmod, … admin> quota ana 1000                what an admin does: user, group, member, disable, remove,
//   passwd, app-password, … clock> 61s                           time goes on restart>                             the
//   server stops and opens the same root again
//
// Values: $name of a `let`, $host (authority of the server), $base (what comes before every path, for
// hrefs inside bodies), $b64(text), $rep(N,text), $$.
namespace wire {

struct Command {
    int line = 0;
    std::string subject;  // before ">"
    std::string text;     // after it
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<std::string> body;
    std::vector<std::string> modifiers;  // "chunked", "times 3"
};

struct Expectation {
    int line = 0;
    std::string text;
    std::optional<std::string> block;  // the | lines below
};

struct Script {
    std::string path;  // below tests/wire, for messages
    std::string title;
    bool in_process_only = false;
    std::vector<std::variant<Command, Expectation>> steps;
};

// Reads one file; throws std::runtime_error naming file and line when it is no script.
Script read_script(const std::string& folder, const std::string& path);

// "a*c" where * is any octets.
bool matches_glob(std::string_view glob, std::string_view text);

}  // namespace wire
