#include "dav/stored_text.h"

#include "dav/names.h"
#include "dav/xml/reader.h"
#include "dav/xml/writer.h"

namespace dav {

namespace {

constexpr xml::Prefix kPrefixes[] = {{"D", kDav}};

}  // namespace

std::vector<storage::PropChange> displayname_as(std::string_view title) {
    xml::StringSink sink;
    xml::Writer writer(sink, kPrefixes);
    writer.text(name::displayname, title);
    writer.finish();
    return {
        {std::string(name::displayname.ns), std::string(name::displayname.local), xml::parse(sink.text, {}).source()}};
}

std::optional<std::string> displayname_of(const storage::Prop& prop) {
    if (prop.ns != name::displayname.ns || prop.name != name::displayname.local) return std::nullopt;
    return xml::parse(prop.value, {}).trimmed_text();
}

}  // namespace dav
