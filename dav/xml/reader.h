#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "dav/xml/element.h"

namespace xml {

// Why a document was refused, and what the client is told.
enum class ParseFault : std::uint8_t {
    not_well_formed,    // 400; also an unbound prefix, xmlns:p="" and any encoding but UTF-8 and UTF-16
    forbidden_doctype,  // 403 DAV:no-external-entities: any DOCTYPE, so no entity is ever declared
    too_complex,        // 400: deeper, or more elements, attributes or namespaces than allowed
    too_large,          // 413: more octets in all, or more text in one element
};

class ParseError : public std::runtime_error {
  public:
    ParseError(ParseFault fault, const std::string& detail) : std::runtime_error(detail), fault_(fault) {}
    ParseFault fault() const noexcept { return fault_; }

  private:
    ParseFault fault_;
};

struct ReadLimits {
    std::size_t bytes_max = 1 << 20;
    std::size_t depth_max = 32;
    std::size_t elements_max = 10'000;       // with comments and processing instructions
    std::size_t attributes_max = 32;         // of one element, declarations not counted
    std::size_t namespaces_max = 32;         // in scope at once
    std::size_t text_bytes_max = 256 << 10;  // directly inside one element, with comments
    std::size_t tag_bytes_max = 16 << 10;    // one <...>: libxml2 compares attributes pairwise before any callback
};

// Parses a whole document, strictly, without DTD, entities, network or files. Character data where only elements are
// expected is kept as text and harms nobody: some clients send stray letters. Throws ParseError. Thread-safe.
Element parse(std::string_view bytes, const ReadLimits& limits = {});

// Whether an element may have this name, for one that did not come as an element: a local name (Namespaces in XML 1.0,
// NCName) in a namespace that elements can be in.
bool is_element_name(QName name);

}  // namespace xml
