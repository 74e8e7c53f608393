#include "dav/oc_checksums.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "dav/names.h"

namespace dav {

namespace {

struct Label {
    base::Digest digest;
    std::string_view text;
};
constexpr std::array kLabels = {Label{base::Digest::sha1, "SHA1:"}, Label{base::Digest::md5, "MD5:"}};

// What is kept: the hash of the content in hexadecimal, a space, and the sums.
std::string_view kept_sums(const storage::Node& node, const std::vector<storage::Prop>& props) {
    if (!node.hash) return {};
    for (const storage::Prop& prop : props) {
        if (prop.name != name::oc_checksums.local || prop.ns != name::oc_checksums.ns) continue;
        const std::string hash = base::hex(node.hash->view()) + " ";
        const std::string_view value = prop.value;
        return value.substr(0, hash.size()) == hash ? value.substr(hash.size()) : std::string_view();
    }
    return {};
}

}  // namespace

std::optional<storage::PropChange> oc_checksums_to_keep(const base::Hash& content,
                                                        std::span<const http::ExpectedSum> sums) {
    std::string value = base::hex(content.view());
    bool any = false;
    for (const Label& label : kLabels) {
        const auto sum = std::find_if(sums.begin(), sums.end(),
                                      [&](const http::ExpectedSum& one) { return one.digest == label.digest; });
        if (sum == sums.end()) continue;
        value.append(" ").append(label.text).append(base::hex(sum->raw));
        any = true;
    }
    if (!any) return std::nullopt;
    return storage::PropChange{std::string(name::oc_checksums.ns), std::string(name::oc_checksums.local),
                               std::move(value)};
}

std::string oc_checksums(const storage::Row& row) {
    if (!row.node.hash) return {};
    std::string sums(kept_sums(row.node, row.props));
    if (!sums.empty()) sums += ' ';
    return sums.append("SHA256:").append(base::hex(row.node.hash->view()));
}

std::string oc_checksum(const storage::Node& node, const std::vector<storage::Prop>& props) {
    const std::string_view sums = kept_sums(node, props);
    return std::string(sums.substr(0, sums.find(' ')));
}

}  // namespace dav
