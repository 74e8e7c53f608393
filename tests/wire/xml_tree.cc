#include "tests/wire/xml_tree.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace wire {

namespace {

constexpr std::array<std::pair<const char*, const char*>, 8> kPrefixes{{
    {"D", "DAV:"},
    {"C", "urn:ietf:params:xml:ns:caldav"},
    {"CR", "urn:ietf:params:xml:ns:carddav"},
    {"CS", "http://calendarserver.org/ns/"},
    {"A", "http://apple.com/ns/ical/"},
    {"oc", "http://owncloud.org/ns"},
    {"Z", "urn:schemas-microsoft-com:"},
    {"x", "http://example.org/ns"},
}};

const xmlChar* octets(const char* text) {
    return reinterpret_cast<const xmlChar*>(text);
}

std::string taken(xmlChar* text) {
    std::string result = text ? reinterpret_cast<const char*>(text) : "";
    xmlFree(text);
    return result;
}

void cut_base_path(xmlNode* node, const std::string& base_path) {
    for (; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE) continue;
        if (node->ns && std::string_view(reinterpret_cast<const char*>(node->ns->href)) == "DAV:" &&
            std::string_view(reinterpret_cast<const char*>(node->name)) == "href") {
            std::string href = taken(xmlNodeGetContent(node));
            if (href.rfind('/', 0) != 0) continue;  // urn:uuid:…
            bool below = href == base_path || href.rfind(base_path + "/", 0) == 0;
            std::string shown = below ? href.substr(base_path.size()) : "(no base path)" + href;
            xmlChar* escaped = xmlEncodeSpecialChars(node->doc, octets(shown.c_str()));
            xmlNodeSetContent(node, escaped);
            xmlFree(escaped);
        }
        cut_base_path(node->children, base_path);
    }
}

}  // namespace

struct XmlTree::State {
    xmlDoc* document = nullptr;
    xmlXPathContext* context = nullptr;
    ~State() {
        xmlXPathFreeContext(context);
        xmlFreeDoc(document);
    }
};

XmlTree::XmlTree(std::string_view text, const std::string& base_path) : state_(std::make_unique<State>()) {
    xmlResetLastError();
    state_->document = xmlReadMemory(text.data(), static_cast<int>(text.size()), nullptr, nullptr,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE);
    const xmlError* error = xmlGetLastError();
    if (!state_->document || (error && error->domain == XML_FROM_NAMESPACE)) {
        throw std::runtime_error(std::string("the answer is not well-formed XML: ") + (error ? error->message : ""));
    }
    if (!base_path.empty()) cut_base_path(xmlDocGetRootElement(state_->document), base_path);
    state_->context = xmlXPathNewContext(state_->document);
    for (auto [prefix, uri] : kPrefixes) xmlXPathRegisterNs(state_->context, octets(prefix), octets(uri));
}

XmlTree::~XmlTree() = default;

std::vector<std::string> XmlTree::select(const std::string& xpath) const {
    xmlXPathObject* found = xmlXPathEvalExpression(octets(xpath.c_str()), state_->context);
    if (!found) throw std::runtime_error("not an XPath: " + xpath);
    std::vector<std::string> values;
    if (found->type != XPATH_NODESET) {
        values.push_back(taken(xmlXPathCastToString(found)));
    } else if (found->nodesetval) {
        for (int i = 0; i < found->nodesetval->nodeNr; ++i) {
            values.push_back(taken(xmlXPathCastNodeToString(found->nodesetval->nodeTab[i])));
        }
    }
    xmlXPathFreeObject(found);
    return values;
}

std::string XmlTree::canonical(const std::string& xpath) const {
    xmlXPathObject* found = xmlXPathEvalExpression(octets(xpath.c_str()), state_->context);
    if (!found) throw std::runtime_error("not an XPath: " + xpath);
    std::string text;
    if (found->nodesetval && found->nodesetval->nodeNr > 0) {
        xmlDoc* alone = xmlNewDoc(octets("1.0"));
        xmlDocSetRootElement(alone, xmlDocCopyNode(found->nodesetval->nodeTab[0], alone, 1));
        xmlChar* form = nullptr;
        const int length = xmlC14NDocDumpMemory(alone, nullptr, XML_C14N_EXCLUSIVE_1_0, nullptr, 1, &form);
        if (length >= 0) text = taken(form);
        xmlFreeDoc(alone);
    }
    xmlXPathFreeObject(found);
    return text;
}

}  // namespace wire
