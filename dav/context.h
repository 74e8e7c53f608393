#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/accounts.h"
#include "storage/store.h"

namespace dav {

enum class CallerKind : std::uint8_t { anonymous, user, share, peer };

// Who asks, as the pipeline found out. Rights are decided from this and the resource in one function (dav/acl).
struct Caller {
    CallerKind kind = CallerKind::anonymous;
    base::Id128 uid{};
    std::string name;
    bool admin = false;
    storage::Scope scope = storage::Scope::all;
    bool read_only = false;
    base::Segments subtree;          // an app password for a part of the files; empty = all
    std::vector<std::string> books;  // names of the collections that show in its homes; empty = all
    std::string device;              // label of the app password; empty = account password
};

// Which services are switched on; a service that is off does not exist (404).
struct Services {
    bool files = true;
    bool contacts = true;
    bool calendars = true;
    bool shares = true;
    bool web = true;
    bool replication = true;
};

struct Limits {
    std::uint64_t file_bytes_max = std::uint64_t{64} << 30;
    std::uint64_t xml_bytes_max = 1 << 20;
    std::size_t xml_depth_max = 32;
    std::size_t xml_elements_max = 10'000;
    std::uint64_t report_bytes_max = 4 << 20;  // a multiget names all members of a first sync at once
    std::size_t report_elements_max = 50'000;
    std::size_t multiget_hrefs_max = 20'000;
    std::size_t propfind_names_max = 200;
    std::size_t proppatch_names_max = 1000;
    std::size_t properties_max = 100;  // stored with one resource
    std::size_t property_bytes_max = 64 << 10;
    std::size_t properties_bytes_max = 1 << 20;  // of one resource
    std::int64_t xml_body_deadline_ms = 30'000;
    std::size_t sync_page_max = 20'000;  // member URLs in one answer to sync-collection; a client may ask for fewer
    std::size_t locks_max = 1000;        // of all users
    std::size_t locks_per_user_max = 100;
    std::size_t copy_nodes_max = 1'000'000;
    std::uint64_t free_floor_bytes = 0;  // kept free on the disk: below it no file is taken (507)
    std::size_t hot_files_max = 1024;    // small files answered from memory; each holds a descriptor
};

// The long-lived things a handler needs; one per process, outlives every request.
struct Context {
    storage::Store& store;
    storage::Accounts& accounts;
    std::string base_path;  // "" or "/cloud": in every href, Destination, redirect and cookie
    Services services;
    Limits limits;
};

}  // namespace dav
