#include "carddav/merge_rules.h"

#include <array>
#include <map>

namespace carddav {
namespace {

using Form = MergeForm;
using Row = MergeRow;
using Rule = MergeRule;

constexpr std::array kRows = {
    // RFC 6350 section 6, RFC 2426 section 3
    Row{"UID", Rule::one},
    Row{"N", Rule::one, Form::parts},
    Row{"BDAY", Rule::one},
    Row{"ANNIVERSARY", Rule::one},
    Row{"GENDER", Rule::one, Form::parts},
    Row{"KIND", Rule::one},
    Row{"PRODID", Rule::one},
    Row{"CLASS", Rule::one},
    Row{"MAILER", Rule::one},
    Row{"NAME", Rule::one},
    Row{"PROFILE", Rule::one},
    Row{"SORT-STRING", Rule::one},
    Row{"REV", Rule::greatest},
    Row{"FN", Rule::some},
    Row{"NOTE", Rule::some},
    Row{"PHOTO", Rule::some},
    Row{"LOGO", Rule::some},
    Row{"SOUND", Rule::some},
    Row{"ORG", Rule::some, Form::parts},
    Row{"TITLE", Rule::some},
    Row{"ROLE", Rule::some},
    Row{"TZ", Rule::some},
    Row{"GEO", Rule::some},
    Row{"AGENT", Rule::some},
    Row{"SOURCE", Rule::some},
    Row{"EMAIL", Rule::entries},
    Row{"TEL", Rule::entries},
    Row{"ADR", Rule::entries, Form::parts},
    Row{"URL", Rule::entries},
    Row{"IMPP", Rule::entries},
    Row{"LANG", Rule::entries},
    Row{"RELATED", Rule::entries},
    Row{"MEMBER", Rule::entries},
    Row{"KEY", Rule::entries},
    Row{"FBURL", Rule::entries},
    Row{"CALADRURI", Rule::entries},
    Row{"CALURI", Rule::entries},
    Row{"CLIENTPIDMAP", Rule::entries},
    Row{"CATEGORIES", Rule::list},
    Row{"NICKNAME", Rule::list},
    // RFC 6474, RFC 6715, RFC 8605, RFC 9554
    Row{"BIRTHPLACE", Rule::one},
    Row{"DEATHPLACE", Rule::one},
    Row{"DEATHDATE", Rule::one},
    Row{"EXPERTISE", Rule::entries},
    Row{"HOBBY", Rule::entries},
    Row{"INTEREST", Rule::entries},
    Row{"ORG-DIRECTORY", Rule::entries},
    Row{"CONTACT-URI", Rule::entries},
    Row{"CREATED", Rule::one},
    Row{"LANGUAGE", Rule::one},
    Row{"GRAMGENDER", Rule::some},
    Row{"PRONOUNS", Rule::entries},
    Row{"SOCIALPROFILE", Rule::entries},
    // Apple
    Row{"X-ADDRESSBOOKSERVER-KIND", Rule::one},
    Row{"X-ADDRESSBOOKSERVER-MEMBER", Rule::entries},
    Row{"X-SOCIALPROFILE", Rule::entries},
    Row{"X-ABRELATEDNAMES", Rule::entries},
    Row{"X-ABDATE", Rule::entries},
    Row{"X-ABSHOWAS", Rule::one},
    Row{"X-ABUID", Rule::one},
    Row{"X-MAIDENNAME", Rule::one},
    Row{"X-PHONETIC-FIRST-NAME", Rule::one},
    Row{"X-PHONETIC-MIDDLE-NAME", Rule::one},
    Row{"X-PHONETIC-LAST-NAME", Rule::one},
    Row{"X-PHONETIC-ORG", Rule::one},
    // Evolution, KDE, Mozilla
    Row{"X-ANNIVERSARY", Rule::one},
    Row{"X-EVOLUTION-ANNIVERSARY", Rule::one},
    Row{"X-EVOLUTION-FILE-AS", Rule::one},
    Row{"X-EVOLUTION-SPOUSE", Rule::one},
    Row{"X-EVOLUTION-MANAGER", Rule::one},
    Row{"X-EVOLUTION-ASSISTANT", Rule::one},
    Row{"X-GENDER", Rule::one},
    Row{"X-SPOUSE", Rule::one},
    Row{"X-MANAGER", Rule::one},
    Row{"X-ASSISTANT", Rule::one},
    Row{"X-MOZILLA-HTML", Rule::one},
    Row{"X-AIM", Rule::entries},
    Row{"X-ICQ", Rule::entries},
    Row{"X-JABBER", Rule::entries},
    Row{"X-MSN", Rule::entries},
    Row{"X-SKYPE", Rule::entries},
    Row{"X-YAHOO", Rule::entries},
};
constexpr Row kUnknown{"", Rule::unknown};

constexpr bool names_are_unique() {
    for (std::size_t i = 0; i < kRows.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (kRows[i].name == kRows[j].name) return false;
    return true;
}
static_assert(names_are_unique());

}  // namespace

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
}

const MergeRow& merge_row_of(const ContentLine& line) {
    static const std::map<std::string_view, const Row*> rows = [] {
        std::map<std::string_view, const Row*> all;
        for (const Row& one : kRows) all.emplace(one.name, &one);
        return all;
    }();
    const auto found = rows.find(upper(line.name));
    return found == rows.end() ? kUnknown : *found->second;
}

}  // namespace carddav
