#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "dav/item_rule.h"

// `hearth import` and `hearth export` on the side of the command line: files of any size in pieces, each piece one
// command of the server.
namespace server {

// Sends one command and gives its value; throws what is wrong as one line.
using Ask = std::function<nlohmann::json(const nlohmann::json& request)>;

struct ImportResult {
    std::size_t added = 0;
    std::size_t changed = 0;
    std::size_t unchanged = 0;
    struct Aside {
        std::size_t line = 0;  // of the file, where the item begins
        std::string why;
    };
    std::vector<Aside> aside;
};

// `request` has user and collection. Items that can not be taken are set aside; the others go in.
ImportResult import_file(const dav::ItemRule& rule, std::istream& file, const nlohmann::json& request, const Ask& ask);

void export_file(const dav::ItemRule& rule, std::ostream& file, const nlohmann::json& request, const Ask& ask);

}  // namespace server
