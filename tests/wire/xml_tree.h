#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wire {

// An answer's XML, asked by XPath with the prefixes D C CR CS A oc. One thread.
class XmlTree {
  public:
    // Throws std::runtime_error when the text is not well-formed with all namespaces bound.
    // `base_path` is cut off every DAV:href, and one that lacks it becomes "(no base path)…".
    XmlTree(std::string_view text, const std::string& base_path);
    ~XmlTree();

    // The values an XPath selects: texts of nodes in document order, or the one string, number or boolean.
    std::vector<std::string> select(const std::string& xpath) const;

    // The first element an XPath selects in exclusive canonical form with comments (namespaces in scope that it does
    // not use are left out); empty: none. An XPath of "/*" makes of any document what to compare with.
    std::string canonical(const std::string& xpath) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace wire
