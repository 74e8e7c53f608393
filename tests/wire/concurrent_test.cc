// What several clients see at the same time: a MOVE or COPY of a tree is one visible step, and one of many conditional
// writers wins.
#include <atomic>
#include <thread>

#include "storage/base/hash.h"
#include "tests/wire/stage.h"
#include "tests/wire/xml_tree.h"
// Last: both Catch2 and ours have a CHECK, and here Catch2's is meant.
#include <catch2/catch.hpp>

namespace wire {

namespace {

constexpr int kMembers = 40;
constexpr int kMoves = 60;

Message by_ana(const Stage& stage, std::string method, std::string target) {
    Message message;
    message.connection = "ana";
    message.method = std::move(method);
    message.target = std::move(target);
    message.headers.emplace_back("Authorization", "Basic " + base::base64(stage.login("ana")));
    return message;
}

Message put(const Stage& stage, const std::string& target, std::string body) {
    Message message = by_ana(stage, "PUT", target);
    message.body = std::move(body);
    return message;
}

Message to(Message message, const std::string& destination) {
    message.headers.emplace_back("Destination", destination);
    return message;
}

void make_tree(Stage& stage, const std::string& folder) {
    REQUIRE(stage.send(by_ana(stage, "MKCOL", folder)).status == 201);
    for (int i = 0; i < kMembers; ++i) {
        REQUIRE(stage.send(put(stage, folder + std::to_string(i), "x")).status == 201);
    }
}

// How many responses a listing has: 0 = not there.
std::size_t listed(Stage& stage, const std::string& folder) {
    Message message = by_ana(stage, "PROPFIND", folder);
    message.headers.emplace_back("Depth", "1");
    const Reply reply = stage.send(message);
    if (reply.status == 404) return 0;
    REQUIRE(reply.status == 207);
    return XmlTree(reply.body, "").select("/D:multistatus/D:response").size();
}

}  // namespace

TEST_CASE("a reader in a tight loop never sees part of a moved tree", "[concurrent]") {
    Stage stage(Mode::in_process);
    make_tree(stage, "/dav/files/ana/a/");
    std::atomic<bool> done = false;
    std::atomic<int> refused = 0;
    std::thread mover([&] {
        for (int i = 0; i < kMoves; ++i) {
            const bool there = i % 2 == 0;
            const auto message = to(by_ana(stage, "MOVE", there ? "/dav/files/ana/a/" : "/dav/files/ana/b/"),
                                    there ? "/dav/files/ana/b/" : "/dav/files/ana/a/");
            if (stage.send(message).status != 201) ++refused;
        }
        done = true;
    });
    std::size_t looks = 0, parts = 0;
    while (!done) {
        const std::size_t a = listed(stage, "/dav/files/ana/a/");
        const std::size_t b = listed(stage, "/dav/files/ana/b/");
        for (const std::size_t seen : {a, b}) {
            if (seen != 0 && seen != kMembers + 1) ++parts;
        }
        ++looks;
    }
    mover.join();
    CHECK(refused == 0);
    CHECK(looks > 0);
    CHECK(parts == 0);
    CHECK(listed(stage, "/dav/files/ana/a/") == kMembers + 1);
}

TEST_CASE("a reader never sees part of a tree being copied", "[concurrent]") {
    Stage stage(Mode::in_process);
    make_tree(stage, "/dav/files/ana/a/");
    std::atomic<bool> done = false;
    std::atomic<int> refused = 0;
    std::thread copier([&] {
        for (int i = 0; i < 10; ++i) {
            const std::string copy = "/dav/files/ana/copy" + std::to_string(i) + "/";
            if (stage.send(to(by_ana(stage, "COPY", "/dav/files/ana/a/"), copy)).status != 201) ++refused;
        }
        done = true;
    });
    std::size_t parts = 0;
    while (!done) {
        for (int i = 0; i < 10; ++i) {
            const std::size_t seen = listed(stage, "/dav/files/ana/copy" + std::to_string(i) + "/");
            if (seen != 0 && seen != kMembers + 1) ++parts;
        }
    }
    copier.join();
    CHECK(refused == 0);
    CHECK(parts == 0);
}

TEST_CASE("of many writers with the same If-Match one wins", "[concurrent]") {
    Stage stage(Mode::in_process);
    const auto etag = stage.send(put(stage, "/dav/files/ana/a.txt", "first")).header("ETag").value();
    std::atomic<int> won = 0, lost = 0;
    std::vector<std::thread> writers;
    for (int i = 0; i < 8; ++i) {
        writers.emplace_back([&, i] {
            Message message = put(stage, "/dav/files/ana/a.txt", "by " + std::to_string(i));
            message.headers.emplace_back("If-Match", etag);
            const int status = stage.send(message).status;
            if (status == 204) ++won;
            if (status == 412) ++lost;
        });
    }
    for (auto& writer : writers) writer.join();
    CHECK(won == 1);
    CHECK(lost == 7);
}

TEST_CASE("of many writers of a new name with If-None-Match one wins", "[concurrent]") {
    Stage stage(Mode::in_process);
    std::atomic<int> won = 0, lost = 0;
    std::vector<std::thread> writers;
    for (int i = 0; i < 8; ++i) {
        writers.emplace_back([&, i] {
            Message message = put(stage, "/dav/files/ana/new.txt", std::string(20000, static_cast<char>('a' + i)));
            message.headers.emplace_back("If-None-Match", "*");
            const int status = stage.send(message).status;
            if (status == 201) ++won;
            if (status == 412) ++lost;
        });
    }
    for (auto& writer : writers) writer.join();
    CHECK(won == 1);
    CHECK(lost == 7);
    stage.disk("entries .hearth/staging 0", "");
}

TEST_CASE("of many who lock the same unmapped name one wins", "[concurrent]") {
    Stage stage(Mode::in_process);
    constexpr const char* kLockInfo =
        "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
        "<D:locktype><D:write/></D:locktype></D:lockinfo>";
    std::atomic<int> won = 0, lost = 0;
    std::vector<std::thread> lockers;
    for (int i = 0; i < 8; ++i) {
        lockers.emplace_back([&] {
            Message message = by_ana(stage, "LOCK", "/dav/files/ana/new.txt");
            message.body = kLockInfo;
            const Reply reply = stage.send(message);
            if (reply.status == 201 && reply.header("Lock-Token")) ++won;
            if (reply.status == 423 && !reply.header("Lock-Token")) ++lost;
        });
    }
    for (auto& locker : lockers) locker.join();
    CHECK(won == 1);
    CHECK(lost == 7);
    CHECK(stage.send(put(stage, "/dav/files/ana/new.txt", "x")).status == 423);
}

TEST_CASE("no write slips in between a lock and its token", "[concurrent]") {
    // One holds the lock again and again, the others write without it: what the holder wrote is what it reads.
    Stage stage(Mode::in_process);
    const std::string path = "/dav/files/ana/a.txt";
    REQUIRE(stage.send(put(stage, path, "x")).status == 201);
    std::atomic<bool> done = false;
    std::thread intruder([&] {
        while (!done) stage.send(put(stage, path, "intruder"));
    });
    int lost = 0;
    for (int i = 0; i < 40; ++i) {
        Message lock = by_ana(stage, "LOCK", path);
        lock.body =
            "<D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:exclusive/></D:lockscope>"
            "<D:locktype><D:write/></D:locktype></D:lockinfo>";
        const auto token = stage.send(lock).header("Lock-Token");
        if (!token) {
            ++lost;
            continue;
        }
        Message mine = put(stage, path, "mine " + std::to_string(i));
        mine.headers.emplace_back("If", "(" + *token + ")");
        if (stage.send(mine).status != 204) ++lost;
        if (stage.send(by_ana(stage, "GET", path)).body != "mine " + std::to_string(i)) ++lost;
        Message unlock = by_ana(stage, "UNLOCK", path);
        unlock.headers.emplace_back("Lock-Token", *token);
        if (stage.send(unlock).status != 204) ++lost;
    }
    done = true;
    intruder.join();
    CHECK(lost == 0);
}

TEST_CASE("a reader of a file being replaced gets one whole version with its ETag", "[concurrent]") {
    // Small bodies travel in the redo entry, large ones are staged; both ways, and from one to the other.
    // Every content comes back, so that the version that is kept is there already.
    constexpr std::size_t kSizes[] = {9'000, 30'000, 1};
    Stage stage(Mode::in_process);
    REQUIRE(stage.send(put(stage, "/dav/files/ana/a.bin", "a")).status == 201);
    std::atomic<bool> done = false;
    std::thread writer([&] {
        for (std::size_t i = 0; i < 120; ++i) {
            stage.send(put(stage, "/dav/files/ana/a.bin", std::string(kSizes[i % 3], static_cast<char>('a' + i % 3))));
        }
        done = true;
    });
    std::vector<std::string> wrong;
    while (!done) {
        const Reply reply = stage.send(by_ana(stage, "GET", "/dav/files/ana/a.bin"));
        const bool whole = reply.status == 200 && !reply.body.empty() &&
                           reply.body.find_first_not_of(reply.body.front()) == std::string::npos;
        const std::string tag = "\"" + base::base64url(base::sha256(reply.body).view().substr(0, 16)) + "\"";
        if (whole && reply.header("ETag") == tag) continue;
        wrong.push_back(std::to_string(reply.status) + " " + std::to_string(reply.body.size()) + " octets, ETag " +
                        reply.header("ETag").value_or("none") + " wanted " + tag);
    }
    writer.join();
    INFO((wrong.empty() ? "" : wrong.front()));
    CHECK(wrong.empty());
}

}  // namespace wire
