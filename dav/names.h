#pragma once

#include <string_view>

#include "dav/xml/element.h"

// Element and property names of the protocols in this folder; the only place where their namespaces are written.
namespace dav {

inline constexpr std::string_view kDav = "DAV:";
inline constexpr std::string_view kApache = "http://apache.org/dav/props/";
inline constexpr std::string_view kCalendarServer = "http://calendarserver.org/ns/";
inline constexpr std::string_view kOwncloud = "http://owncloud.org/ns";
inline constexpr xml::QName kXmlLang{"http://www.w3.org/XML/1998/namespace", "lang"};
inline constexpr std::string_view kMicrosoft = "urn:schemas-microsoft-com:";

namespace name {

// RFC 4918 §14, elements.
inline constexpr xml::QName activelock{kDav, "activelock"};
inline constexpr xml::QName allprop{kDav, "allprop"};
inline constexpr xml::QName collection{kDav, "collection"};
inline constexpr xml::QName depth{kDav, "depth"};
inline constexpr xml::QName error{kDav, "error"};
inline constexpr xml::QName exclusive{kDav, "exclusive"};
inline constexpr xml::QName href{kDav, "href"};
inline constexpr xml::QName include{kDav, "include"};
inline constexpr xml::QName lockentry{kDav, "lockentry"};
inline constexpr xml::QName lockinfo{kDav, "lockinfo"};
inline constexpr xml::QName lockroot{kDav, "lockroot"};
inline constexpr xml::QName lockscope{kDav, "lockscope"};
inline constexpr xml::QName locktoken{kDav, "locktoken"};
inline constexpr xml::QName locktype{kDav, "locktype"};
inline constexpr xml::QName multistatus{kDav, "multistatus"};
inline constexpr xml::QName prop{kDav, "prop"};
inline constexpr xml::QName propfind{kDav, "propfind"};
inline constexpr xml::QName propertyupdate{kDav, "propertyupdate"};
inline constexpr xml::QName propname{kDav, "propname"};
inline constexpr xml::QName propstat{kDav, "propstat"};
inline constexpr xml::QName remove{kDav, "remove"};
inline constexpr xml::QName response{kDav, "response"};
inline constexpr xml::QName responsedescription{kDav, "responsedescription"};
inline constexpr xml::QName set{kDav, "set"};
inline constexpr xml::QName shared{kDav, "shared"};
inline constexpr xml::QName status{kDav, "status"};
inline constexpr xml::QName timeout{kDav, "timeout"};

// RFC 4918 §15, properties.
inline constexpr xml::QName creationdate{kDav, "creationdate"};
inline constexpr xml::QName displayname{kDav, "displayname"};
inline constexpr xml::QName getcontentlength{kDav, "getcontentlength"};
inline constexpr xml::QName getcontenttype{kDav, "getcontenttype"};
inline constexpr xml::QName getetag{kDav, "getetag"};
inline constexpr xml::QName getlastmodified{kDav, "getlastmodified"};
inline constexpr xml::QName lockdiscovery{kDav, "lockdiscovery"};
inline constexpr xml::QName resourcetype{kDav, "resourcetype"};
inline constexpr xml::QName supportedlock{kDav, "supportedlock"};

// RFC 5689 §5, extended MKCOL.
inline constexpr xml::QName mkcol{kDav, "mkcol"};
inline constexpr xml::QName mkcol_response{kDav, "mkcol-response"};

// RFC 5995 §3.2.1 and RFC 3253 §3.1.4, which it needs.
inline constexpr xml::QName add_member{kDav, "add-member"};
inline constexpr xml::QName supported_live_property{kDav, "supported-live-property"};
inline constexpr xml::QName supported_live_property_set{kDav, "supported-live-property-set"};

// RFC 4331 §3, quota.
inline constexpr xml::QName quota_available_bytes{kDav, "quota-available-bytes"};
inline constexpr xml::QName quota_used_bytes{kDav, "quota-used-bytes"};

// RFC 5842 §3.1.
inline constexpr xml::QName resource_id{kDav, "resource-id"};

// RFC 3744 §4, §5 and RFC 5397 §3.
inline constexpr xml::QName ace{kDav, "ace"};
inline constexpr xml::QName acl{kDav, "acl"};
inline constexpr xml::QName acl_restrictions{kDav, "acl-restrictions"};
inline constexpr xml::QName alternate_uri_set{kDav, "alternate-URI-set"};
inline constexpr xml::QName current_user_principal{kDav, "current-user-principal"};
inline constexpr xml::QName current_user_privilege_set{kDav, "current-user-privilege-set"};
inline constexpr xml::QName authenticated{kDav, "authenticated"};
inline constexpr xml::QName description{kDav, "description"};
inline constexpr xml::QName grant{kDav, "grant"};
inline constexpr xml::QName grant_only{kDav, "grant-only"};
inline constexpr xml::QName group{kDav, "group"};
inline constexpr xml::QName group_membership{kDav, "group-membership"};
inline constexpr xml::QName group_member_set{kDav, "group-member-set"};
inline constexpr xml::QName inherited{kDav, "inherited"};
inline constexpr xml::QName inherited_acl_set{kDav, "inherited-acl-set"};
inline constexpr xml::QName no_invert{kDav, "no-invert"};
inline constexpr xml::QName owner{kDav, "owner"};
inline constexpr xml::QName principal{kDav, "principal"};
inline constexpr xml::QName principal_collection_set{kDav, "principal-collection-set"};
inline constexpr xml::QName principal_url{kDav, "principal-URL"};
inline constexpr xml::QName privilege{kDav, "privilege"};
inline constexpr xml::QName protected_{kDav, "protected"};
inline constexpr xml::QName resource{kDav, "resource"};
inline constexpr xml::QName self{kDav, "self"};
inline constexpr xml::QName supported_privilege{kDav, "supported-privilege"};
inline constexpr xml::QName supported_privilege_set{kDav, "supported-privilege-set"};
inline constexpr xml::QName unauthenticated{kDav, "unauthenticated"};

// RFC 3744 §9, reports.
inline constexpr xml::QName acl_principal_prop_set{kDav, "acl-principal-prop-set"};
inline constexpr xml::QName apply_to_principal_collection_set{kDav, "apply-to-principal-collection-set"};
inline constexpr xml::QName match{kDav, "match"};
inline constexpr xml::QName principal_match{kDav, "principal-match"};
inline constexpr xml::QName principal_property{kDav, "principal-property"};
inline constexpr xml::QName principal_property_search{kDav, "principal-property-search"};
inline constexpr xml::QName principal_search_property{kDav, "principal-search-property"};
inline constexpr xml::QName principal_search_property_set{kDav, "principal-search-property-set"};
inline constexpr xml::QName property_search{kDav, "property-search"};

// RFC 3744 §3, privileges.
inline constexpr xml::QName all{kDav, "all"};
inline constexpr xml::QName bind{kDav, "bind"};
inline constexpr xml::QName read{kDav, "read"};
inline constexpr xml::QName read_acl{kDav, "read-acl"};
inline constexpr xml::QName read_current_user_privilege_set{kDav, "read-current-user-privilege-set"};
inline constexpr xml::QName unbind{kDav, "unbind"};
inline constexpr xml::QName unlock{kDav, "unlock"};
inline constexpr xml::QName write{kDav, "write"};
inline constexpr xml::QName write_content{kDav, "write-content"};
inline constexpr xml::QName write_properties{kDav, "write-properties"};

// RFC 3253 §3.1.5, §3.8.
inline constexpr xml::QName expand_property{kDav, "expand-property"};
inline constexpr xml::QName property{kDav, "property"};
inline constexpr xml::QName report{kDav, "report"};
inline constexpr xml::QName supported_report{kDav, "supported-report"};
inline constexpr xml::QName supported_report_set{kDav, "supported-report-set"};

// RFC 6578 §4, §6; limit of RFC 5323 §5.17.
inline constexpr xml::QName limit{kDav, "limit"};
inline constexpr xml::QName nresults{kDav, "nresults"};
inline constexpr xml::QName sync_collection{kDav, "sync-collection"};
inline constexpr xml::QName sync_level{kDav, "sync-level"};
inline constexpr xml::QName sync_token{kDav, "sync-token"};

// Changes with anything below a collection (calendarserver-ctag).
inline constexpr xml::QName getctag{kCalendarServer, "getctag"};

// mod_dav, which davfs2 and others ask for the x bit.
inline constexpr xml::QName executable{kApache, "executable"};

// Nextcloud clients and rclone set a file's time by it.
inline constexpr xml::QName lastmodified{kDav, "lastmodified"};

// Windows writes its times and attributes after each upload.
inline constexpr xml::QName win32_last_modified_time{kMicrosoft, "Win32LastModifiedTime"};

// ownCloud and Nextcloud clients.
inline constexpr xml::QName oc_checksum{kOwncloud, "checksum"};
inline constexpr xml::QName oc_checksums{kOwncloud, "checksums"};
inline constexpr xml::QName oc_fileid{kOwncloud, "fileid"};
inline constexpr xml::QName oc_id{kOwncloud, "id"};
inline constexpr xml::QName oc_permissions{kOwncloud, "permissions"};
inline constexpr xml::QName oc_size{kOwncloud, "size"};

}  // namespace name
}  // namespace dav
