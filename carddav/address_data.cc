#include "carddav/address_data.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "carddav/conversion.h"
#include "carddav/names.h"
#include "dav/error.h"

namespace carddav {
namespace {

using dav::DavError;
using dav::Read;

struct Wanted {
    std::string group;  // empty: any
    std::string name;
    bool without_value = false;
};

// What the octets say of their version without reading all of them; empty: that is not plain.
std::optional<Version> version_at_a_glance(std::string_view octets) {
    constexpr std::string_view kVersion = "\nVERSION:";
    const std::size_t at = octets.find(kVersion);
    if (at == std::string_view::npos || octets.find(kVersion, at + 1) != std::string_view::npos) return std::nullopt;
    std::string_view value = octets.substr(at + kVersion.size());
    value = value.substr(0, value.find_first_of("\r\n"));
    for (const Version one : {Version::v2_1, Version::v3_0, Version::v4_0})
        if (value == text_of(one)) return one;
    return std::nullopt;
}

class AddressData final : public dav::AskedProperty {
  public:
    AddressData(std::optional<Version> version, std::optional<std::vector<Wanted>> wanted)
        : version_(version), wanted_(std::move(wanted)) {}

    Read write(const dav::Resource& resource, const dav::View&, xml::QName self, xml::Writer& writer) override {
        const std::string& octets = resource.row->octets;
        if (!wanted_ && (!version_ || version_at_a_glance(octets) == version_)) {
            writer.text(self, octets);
            return Read::written;
        }
        try {
            Card card = parse_card(octets);
            if (version_ && card.version != *version_) card = converted(std::move(card), *version_);
            if (wanted_) select(card);
            writer.text(self, print_card(card));
        } catch (const BadCard&) {  // nothing can be made of it; who asks for it as it is gets it
            return Read::missing;
        }
        return Read::written;
    }

  private:
    void select(Card& card) const {
        std::vector<ContentLine> lines;
        for (ContentLine& line : card.lines) {
            const auto found = std::find_if(wanted_->begin(), wanted_->end(), [&](const Wanted& one) {
                return line.is(one.name) && (one.group.empty() || equal_names(one.group, line.group));
            });
            if (found == wanted_->end()) continue;
            if (found->without_value) line.value.clear();
            lines.push_back(std::move(line));
        }
        card.lines = std::move(lines);
    }

    const std::optional<Version> version_;
    const std::optional<std::vector<Wanted>> wanted_;  // empty: all
};

Wanted wanted_from(const xml::Element& prop) {
    Wanted wanted;
    const std::string* name = prop.attribute("name");
    if (!name || name->empty()) throw DavError(http::Status::bad_request).detail("a prop without a name");
    wanted.name = *name;
    if (const std::size_t dot = name->find('.'); dot != std::string::npos) {
        wanted.group = name->substr(0, dot);
        wanted.name = name->substr(dot + 1);
    }
    const std::string* novalue = prop.attribute("novalue");
    wanted.without_value = novalue && *novalue == "yes";
    return wanted;
}

}  // namespace

std::unique_ptr<dav::AskedProperty> asked_address_data(const xml::Element& element) {
    const std::string* type = element.attribute("content-type");
    if (type && !equal_names(*type, "text/vcard")) throw DavError(cond::supported_address_data);
    std::optional<Version> version;
    if (const std::string* text = element.attribute("version")) {
        if (*text == text_of(Version::v3_0)) version = Version::v3_0;
        if (*text == text_of(Version::v4_0)) version = Version::v4_0;
        if (!version) throw DavError(cond::supported_address_data);
    }
    std::optional<std::vector<Wanted>> wanted;
    for (const xml::Element& child : element.children()) {
        if (!child.is(name::prop)) continue;
        if (!wanted) wanted.emplace();
        wanted->push_back(wanted_from(child));
    }
    if (element.child(name::allprop)) wanted.reset();
    return std::make_unique<AddressData>(version, std::move(wanted));
}

}  // namespace carddav
