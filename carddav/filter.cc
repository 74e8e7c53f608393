#include "carddav/filter.h"

#include <algorithm>

#include "carddav/names.h"
#include "dav/error.h"

namespace carddav {
namespace {

using dav::DavError;

class FilterReader {
  public:
    Filter read(const xml::Element& element) {
        if (!element.is(name::filter)) refuse();
        Filter filter;
        filter.test = test_of(element);
        for (const xml::Element& child : element.children()) {
            if (!child.is(name::prop_filter)) refuse();
            filter.props.push_back(prop_filter(child));
        }
        return filter;
    }

  private:
    [[noreturn]] static void refuse() { throw DavError(cond::supported_filter); }

    void count() {
        if (++parts_ > kFilterPartsMax) refuse();
    }

    static Test test_of(const xml::Element& element) {
        const std::string* test = element.attribute("test");
        if (!test || *test == "anyof") return Test::anyof;
        if (*test != "allof") refuse();
        return Test::allof;
    }

    static std::string name_of(const xml::Element& element) {
        const std::string* name = element.attribute("name");
        if (!name || name->empty()) refuse();
        return *name;
    }

    PropFilter prop_filter(const xml::Element& element) {
        count();
        PropFilter filter;
        filter.name = name_of(element);
        if (const std::size_t dot = filter.name.find('.'); dot != std::string::npos) {
            filter.group = filter.name.substr(0, dot);
            filter.name.erase(0, dot + 1);
            if (filter.group.empty() || filter.name.empty()) refuse();
        }
        filter.test = test_of(element);
        for (const xml::Element& child : element.children()) {
            if (child.is(name::is_not_defined))
                filter.is_not_defined = true;
            else if (child.is(name::text_match))
                filter.texts.push_back(text_match(child));
            else if (child.is(name::param_filter))
                filter.params.push_back(param_filter(child));
            else
                refuse();
        }
        if (filter.is_not_defined && element.children().size() != 1) refuse();
        return filter;
    }

    ParamFilter param_filter(const xml::Element& element) {
        count();
        ParamFilter filter;
        filter.name = name_of(element);
        if (element.children().size() > 1) refuse();
        for (const xml::Element& child : element.children()) {
            if (child.is(name::is_not_defined))
                filter.is_not_defined = true;
            else if (child.is(name::text_match))
                filter.text = text_match(child);
            else
                refuse();
        }
        return filter;
    }

    dav::TextMatch text_match(const xml::Element& element) {
        count();
        const auto attribute = [&](std::string_view name, std::string_view by_default) {
            const std::string* value = element.attribute(name);
            return value ? std::string_view(*value) : by_default;
        };
        constexpr dav::Collation kDefault = dav::Collation::unicode_casemap;
        const auto collation = dav::collation_named(attribute("collation", "default"), kDefault);
        if (!collation) throw DavError(cond::supported_collation);
        const auto type = dav::match_type_named(attribute("match-type", "contains"));
        const std::string_view negate = attribute("negate-condition", "no");
        if (!type || (negate != "yes" && negate != "no") || !element.children().empty()) refuse();
        return {element.text(), *collation, *type, negate == "yes"};
    }

    std::size_t parts_ = 0;
};

// Of the parts of a filter.
class Verdict {
  public:
    explicit Verdict(Test test) : test_(test) {}
    void add(bool matched) {
        any_ |= matched;
        all_ &= matched;
    }
    bool matched() const { return test_ == Test::anyof ? any_ : all_; }

  private:
    const Test test_;
    bool any_ = false;
    bool all_ = true;
};

bool has(const ContentLine& line, const ParamFilter& filter) {
    bool defined = false;
    for (const Parameter& one : line.parameters) {
        // What 2.1 writes without a name is a type.
        if (!equal_names(one.name.empty() ? "TYPE" : one.name, filter.name)) continue;
        defined = true;
        if (filter.is_not_defined || !filter.text) break;
        for (const std::string& value : one.values)
            if (filter.text->matches(value)) return true;
    }
    if (filter.is_not_defined) return !defined;
    return !filter.text && defined;
}

bool has(const ContentLine& line, const PropFilter& filter) {
    if (filter.texts.empty() && filter.params.empty()) return true;
    Verdict verdict(filter.test);
    if (!filter.texts.empty()) {
        const std::string value = unescaped(line.value);
        for (const dav::TextMatch& text : filter.texts) verdict.add(text.matches(value));
    }
    for (const ParamFilter& param : filter.params) verdict.add(has(line, param));
    return verdict.matched();
}

bool has(const Card& card, const PropFilter& filter) {
    const auto is_meant = [&](const ContentLine& line) {
        return line.is(filter.name) && (filter.group.empty() || equal_names(line.group, filter.group));
    };
    if (filter.is_not_defined) return std::none_of(card.lines.begin(), card.lines.end(), is_meant);
    return std::any_of(card.lines.begin(), card.lines.end(),
                       [&](const ContentLine& line) { return is_meant(line) && has(line, filter); });
}

}  // namespace

Filter parse_filter(const xml::Element& element) {
    return FilterReader().read(element);
}

bool matches(const Filter& filter, const Card& card) {
    if (filter.props.empty()) return true;
    Verdict verdict(filter.test);
    for (const PropFilter& one : filter.props) verdict.add(has(card, one));
    return verdict.matched();
}

}  // namespace carddav
