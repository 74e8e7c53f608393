// What the house keeps by reading its own sources: which way includes point, who may know a library, where names of XML
// namespaces stand. Each failure says which line to change and how.
#include <catch2/catch.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kSource = HEARTH_SOURCE_DIR;

struct Line {
    std::string file;  // below the source directory
    int number;
    std::string text;
    std::string at() const { return file + ":" + std::to_string(number); }
};

bool is_code(const fs::path& path) {
    const auto ending = path.extension();
    return ending == ".h" || ending == ".cc";
}

std::vector<Line> lines_of(const std::string& file) {
    std::vector<Line> lines;
    std::ifstream in(kSource / file);
    std::string text;
    for (int number = 1; std::getline(in, text); ++number) lines.push_back({file, number, text});
    return lines;
}

// Every source of the product: not the tests.
const std::vector<Line>& product() {
    static const std::vector<Line> all = [] {
        std::vector<Line> lines;
        for (const char* top : {"storage", "dav", "carddav", "caldav", "share-ui", "server"}) {
            if (!fs::exists(kSource / top)) continue;
            for (const auto& entry : fs::recursive_directory_iterator(kSource / top)) {
                if (!is_code(entry.path())) continue;
                const auto of_file = lines_of(fs::relative(entry.path(), kSource).string());
                lines.insert(lines.end(), of_file.begin(), of_file.end());
            }
        }
        return lines;
    }();
    return all;
}

std::string code_part(const std::string& text) {
    const auto comment = text.find("//");
    return comment == std::string::npos ? text : text.substr(0, comment);
}

bool under(std::string_view file, std::string_view folder) { return file.starts_with(folder); }

int level_of(std::string_view path) {
    if (under(path, "storage/base/")) return 1;
    if (under(path, "storage/")) return 2;
    if (under(path, "dav/")) return 3;
    if (under(path, "carddav/") || under(path, "caldav/") || under(path, "share-ui/")) return 4;
    if (under(path, "server/")) return 5;
    return 0;
}

// A word that only some files may hold.
struct Fence {
    const char* word;
    std::vector<const char*> allowed;  // prefixes of files
    const char* instead;
    bool includes_only;
};

const std::vector<Fence>& fences() {
    static const std::vector<Fence> all = {
        {"<boost/", {"server/net/"}, "give the edge what it needs as values; only server/net knows Boost", true},
        {"<libxml/", {"dav/xml/"}, "use xml::parse and xml::Writer", true},
        {"<SQLiteCpp/", {"storage/sql."}, "use sql::Connection", true},
        {"<sqlite3.h>", {"storage/sql.", "storage/commit.", "storage/schema."}, "use sql::Connection", true},
        {"<spdlog/", {"storage/base/log.cc"}, "use base::log", true},
        {"<CLI/", {"server/admin_cli"}, "options belong to the command line", true},
        {"<toml++/", {"server/config"}, "use server::Config", true},
        {"<argon2.h>", {"server/password"}, "use server/password", true},
        {"<utf8proc.h>", {"storage/base/path.cc"}, "use base::to_nfc", true},
        {"<qrencode.h>", {"server/"}, "the QR code is the process's", true},
        {"<filesystem>", {"server/"}, "use storage::Tree, the only code that touches the tree", true},
        {"<regex>", {}, "write a linear parser: std::regex recurses on input", true},
        {"std::thread", {"storage/base/exec.cc", "storage/base/workers", "server/"}, "use base::Exec::spawn", false},
        {"std::mutex", {"storage/base/exec.cc", "storage/base/workers", "storage/base/log", "server/"}, "use base::Monitor", false},
        {"std::condition_variable", {"storage/base/exec.cc", "storage/base/workers", "server/"}, "use base::Monitor", false},
        {"std::chrono::system_clock", {"storage/base/clock.cc", "storage/base/log.cc", "server/net/"}, "use base::Clock", false},
        {"realpath(", {}, "resolve below a Tree, never by comparing paths", false},
        {"std::rand(", {}, "use base::Rng", false},
        {"\"DAV:\"", {"dav/names.h", "dav/xml/"}, "names of namespaces stand in names.h", false},
        {"\"urn:ietf:params:xml:ns", {"dav/names.h", "carddav/names.h", "caldav/names.h", "dav/xml/"}, "names of namespaces stand in names.h", false},
    };
    return all;
}

}  // namespace

TEST_CASE("includes point down the levels") {
    for (const Line& line : product()) {
        const auto quote = line.text.find("#include \"");
        if (quote == std::string::npos) continue;
        const std::string path = line.text.substr(quote + 10, line.text.find('"', quote + 10) - quote - 10);
        const int from = level_of(line.file), to = level_of(path);
        if (to == 0) continue;  // generated
        INFO(line.at() << " includes " << path << ", which stands above it: move the code down, or pass a value in");
        CHECK(to <= from);
        const bool sibling = from == 4 && to == 4 && line.file.substr(0, line.file.find('/')) != path.substr(0, path.find('/'));
        INFO(line.at() << " includes a sibling domain, " << path << ": what both need belongs in dav");
        CHECK_FALSE(sibling);
    }
}

TEST_CASE("libraries and primitives stay behind their fences") {
    for (const Fence& fence : fences()) {
        for (const Line& line : product()) {
            if (code_part(line.text).find(fence.word) == std::string::npos) continue;
            if (fence.includes_only && line.text.find("#include") == std::string::npos) continue;
            bool allowed = false;
            for (const char* prefix : fence.allowed) allowed = allowed || under(line.file, prefix);
            INFO(line.at() << " uses " << fence.word << ": " << fence.instead);
            CHECK(allowed);
        }
    }
}

TEST_CASE("headers outside their wrapper hold no third-party types") {
    constexpr std::array kLibraries = {"<openssl/", "<SQLiteCpp/", "<sqlite3.h>", "<libxml/", "<nlohmann/", "<CLI/", "<toml++/"};
    for (const Line& line : product()) {
        if (!line.file.ends_with(".h")) continue;
        for (const char* library : kLibraries) {
            if (line.text.find("#include") == std::string::npos || line.text.find(library) == std::string::npos) continue;
            // The edge's own headers are seen by the edge alone; nlohmann's forward declarations carry no code.
            const bool fine = under(line.file, "server/net/") || under(line.file, "storage/sql.") ||
                              line.text.find("json_fwd.hpp") != std::string::npos;
            INFO(line.at() << " brings " << library << " into a header: forward-declare, or keep it in the .cc");
            CHECK(fine);
        }
    }
}

TEST_CASE("nothing is left undone by its own words") {
    constexpr std::array kWords = {"TODO", "FIXME", "not implemented"};
    for (const Line& line : product()) {
        for (const char* word : kWords) {
            INFO(line.at() << " says " << word << ": do it, or open an issue and say what holds today");
            CHECK(line.text.find(word) == std::string::npos);
        }
    }
}

TEST_CASE("every file that a trace names is there") {
    const fs::path folder = kSource / "tests/trace";
    REQUIRE(fs::exists(folder));
    int named = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() != ".md") continue;
        for (const Line& line : lines_of(fs::relative(entry.path(), kSource).string())) {
            // A path stands between backticks and starts with a folder of ours.
            std::size_t at = 0;
            while ((at = line.text.find('`', at)) != std::string::npos) {
                const auto end = line.text.find('`', at + 1);
                if (end == std::string::npos) break;
                const std::string path = line.text.substr(at + 1, end - at - 1);
                at = end + 1;
                if (!path.starts_with("tests/") && !path.starts_with("conf/")) continue;
                ++named;
                INFO(line.at() << " names " << path << ", which is not there");
                CHECK(fs::exists(kSource / path));
            }
        }
    }
    CHECK(named > 0);
}

TEST_CASE("every trace row has a test or says why not") {
    for (const auto& entry : fs::directory_iterator(kSource / "tests/trace")) {
        if (entry.path().extension() != ".md") continue;
        for (const Line& line : lines_of(fs::relative(entry.path(), kSource).string())) {
            if (!line.text.starts_with("|") || line.text.starts_with("|--") || line.text.starts_with("| --")) continue;
            if (line.text.find("| test |") != std::string::npos) continue;  // a head
            const bool answered = line.text.find('`') != std::string::npos || line.text.find("not built: ") != std::string::npos;
            INFO(line.at() << ": name the test between backticks, or write 'not built: why'");
            CHECK(answered);
        }
    }
}

TEST_CASE("skips are named with their reason") {
    for (const Line& line : lines_of("tests/skips")) {
        if (line.text.empty() || line.text.starts_with("#")) continue;
        const auto colon = line.text.find(": ");
        INFO(line.at() << ": write 'name: reason'");
        CHECK(colon != std::string::npos);
        CHECK(line.text.size() > colon + 10);
    }
}

TEST_CASE("the README's module table names every folder of sources") {
    std::ifstream in(kSource / "README.md");
    std::stringstream text;
    text << in.rdbuf();
    std::map<std::string, bool> folders;
    for (const Line& line : product()) folders[line.file.substr(0, line.file.rfind('/') + 1)] = true;
    for (const auto& [folder, _] : folders) {
        INFO("README.md, Modules: no row names `" << folder << "`");
        CHECK(text.str().find("`" + folder + "`") != std::string::npos);
    }
}
