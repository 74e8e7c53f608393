#include "server/item_files.h"

#include <istream>
#include <ostream>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "dav/error.h"
#include "dav/http/headers.h"
#include "server/collections.h"
#include "storage/base/hash.h"

namespace server {
namespace {

constexpr std::size_t kBatchBytes = 1 << 20;     // of one command, before base64
constexpr std::size_t kAsideMax = 10'000;        // more says nothing new
constexpr std::size_t kItemBytesMax = 16 << 20;  // of one that does not end

std::string_view trimmed(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    return line;
}

// Cuts a file into items, one at a time. One that does not end goes on until the next one begins.
class Cutter {
  public:
    Cutter(const dav::ItemRule& rule, std::istream& file) : rule_(rule), file_(file) {}

    struct Piece {
        std::string octets;
        std::size_t line = 0;
        bool too_long = false;
    };
    std::size_t lines() const { return number_; }
    std::optional<Piece> next() {
        Piece piece = std::exchange(pending_, {});
        std::string line;
        while (take_line(line)) {
            const std::string_view words = trimmed(std::string_view(line).substr(0, line.find('\n')));
            if (http::equal_ignoring_case(words, rule_.begin_line)) {
                if (piece.line != 0) {
                    pending_ = {std::move(line), number_, false};
                    return piece;
                }
                piece.line = number_;
            }
            if (piece.line == 0) continue;
            if (piece.octets.size() + line.size() <= kItemBytesMax)
                piece.octets += line;
            else
                piece.too_long = true;
            if (http::equal_ignoring_case(words, rule_.end_line)) return piece;
        }
        return piece.line == 0 ? std::nullopt : std::optional(std::move(piece));
    }

  private:
    // With its break. Of one that is longer than any item the rest is a line of its own: the item is not taken.
    bool take_line(std::string& line) {
        line.clear();
        if (!continued_) ++number_;
        for (int c = file_.get(); c != std::char_traits<char>::eof(); c = file_.get()) {
            line += static_cast<char>(c);
            continued_ = line.size() == kItemBytesMax && c != '\n';
            if (c == '\n' || continued_) return true;
        }
        if (line.empty() && !continued_) --number_;  // the end
        return !line.empty();
    }

    const dav::ItemRule& rule_;
    std::istream& file_;
    bool continued_ = false;
    Piece pending_;
    std::size_t number_ = 0;
};

// One command's items.
class Batch {
  public:
    Batch(const dav::ItemRule& rule, nlohmann::json request, const Ask& ask, ImportResult& result)
        : request_(std::move(request)), ask_(ask), result_(result) {
        request_["command"] = "import";
        request_["format"] = rule.name_suffix.substr(1);
        request_["items"] = nlohmann::json::array();
    }

    void add(std::string_view octets, std::size_t line) {
        request_["items"].push_back(base::base64(octets));
        lines_.push_back(line);
        bytes_ += octets.size();
        if (lines_.size() == kImportItemsMax || bytes_ >= kBatchBytes) send();
    }
    void send() {
        if (lines_.empty()) return;
        const nlohmann::json value = ask_(request_);
        result_.added += value["added"].get<std::size_t>();
        result_.changed += value["changed"].get<std::size_t>();
        result_.unchanged += value["unchanged"].get<std::size_t>();
        for (const auto& one : value["aside"])
            result_.aside.push_back({lines_.at(one["item"].get<std::size_t>()), one["why"].get<std::string>()});
        request_["items"] = nlohmann::json::array();
        lines_.clear();
        bytes_ = 0;
    }

  private:
    nlohmann::json request_;
    const Ask& ask_;
    ImportResult& result_;
    std::vector<std::size_t> lines_;
    std::size_t bytes_ = 0;
};

}  // namespace

ImportResult import_file(const dav::ItemRule& rule, std::istream& file, const nlohmann::json& request, const Ask& ask) {
    ImportResult result;
    Cutter cutter(rule, file);
    Batch batch(rule, request, ask, result);
    std::unordered_map<std::string, std::size_t> lines;  // by UID
    const auto set_aside = [&](std::size_t line, std::string why) {
        if (result.aside.size() < kAsideMax) result.aside.push_back({line, std::move(why)});
    };
    while (auto piece = cutter.next()) {
        if (piece->too_long) {
            set_aside(piece->line, "it does not end");
            continue;
        }
        try {
            const dav::PreparedItem item = rule.admit(piece->octets);
            const auto [first, is_new] = lines.emplace(item.uid, piece->line);
            if (is_new)
                batch.add(piece->octets, piece->line);
            else
                set_aside(piece->line, "its UID is that of line " + std::to_string(first->second));
        } catch (const dav::DavError& error) {  // the others go in
            set_aside(piece->line, error.what());
        }
    }
    batch.send();
    const bool nothing = lines.empty() && result.aside.empty();
    if (nothing && cutter.lines() > 0) result.aside.push_back({1, "there is no " + std::string(rule.begin_line) + " in the file"});
    return result;
}

void export_file(const dav::ItemRule& rule, std::ostream& file, const nlohmann::json& request, const Ask& ask) {
    nlohmann::json page = request;
    page["command"] = "export";
    page["format"] = rule.name_suffix.substr(1);
    std::string after;
    do {
        page["after"] = after;
        const nlohmann::json value = ask(page);
        file << base::unbase64(value["octets"].get<std::string>()).value_or(std::string());
        after = value["next"].get<std::string>();
    } while (!after.empty() && file);
}

}  // namespace server
