#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dav/http/message.h"
#include "dav/http/spool.h"
#include "dav/prop_plan.h"
#include "dav/xml/writer.h"

namespace dav {

// A 207 being written into a spool, one response after the other. Owned by one request.
class Multistatus {
  public:
    explicit Multistatus(const Context& context);

    void row(const Resource& resource, const View& view, PropPlan& plan, bool minimal);
    // A resource with a status instead of properties.
    void status(std::string_view href, http::Status status);
    // A resource with what `inside` writes.
    void response(std::string_view href, const std::function<void(xml::Writer&)>& inside);

    // An element of the multistatus itself, after the responses.
    void text(xml::QName name, std::string_view text) { writer_.text(name, text); }

    http::Response finish();

  private:
    http::Spool spool_;
    xml::Writer writer_;
    std::optional<xml::Writer::Scope> root_;
};

// A document of another root, spooled like a multistatus.
http::Response xml_answer(const Context& context, http::Status status, xml::QName root,
                          const std::function<void(xml::Writer&)>& inside);

}  // namespace dav
