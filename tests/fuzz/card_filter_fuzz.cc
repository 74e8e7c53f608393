// The filter of an addressbook-query: octets before the first NUL are its XML, those behind it a card. What is read as
// a filter is evaluated, and means the same again when it is asked twice.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "carddav/filter.h"
#include "dav/error.h"
#include "dav/xml/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t nul = input.find('\0');
    try {
        const xml::Element element = xml::parse(input.substr(0, nul), {});
        const carddav::Filter filter = carddav::parse_filter(element);
        const std::string_view text = nul == std::string_view::npos ? std::string_view() : input.substr(nul + 1);
        const carddav::Card card = carddav::parse_card(text);
        if (carddav::matches(filter, card) != carddav::matches(filter, card)) std::abort();
        if (filter.props.empty() && !carddav::matches(filter, card)) std::abort();
    } catch (const xml::ParseError&) {
    } catch (const dav::DavError& error) {  // 403 with its condition, never another
        if (!error.condition() || error.status() != http::Status::forbidden) std::abort();
    } catch (const carddav::BadCard&) {
    }
    return 0;
}
