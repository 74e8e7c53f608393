#pragma once

#include "dav/http/status.h"
#include "dav/names.h"

namespace dav {

// A precondition or postcondition of an RFC: the element of the error body, and the status it comes with.
struct Condition {
    xml::QName element;
    http::Status status;
    bool operator==(const Condition&) const = default;
};

namespace cond {

// RFC 4918 §16.
inline constexpr Condition cannot_modify_protected_property{{kDav, "cannot-modify-protected-property"},
                                                            http::Status::forbidden};
inline constexpr Condition no_external_entities{{kDav, "no-external-entities"}, http::Status::forbidden};
inline constexpr Condition propfind_finite_depth{{kDav, "propfind-finite-depth"}, http::Status::forbidden};

inline constexpr Condition lock_token_submitted{{kDav, "lock-token-submitted"}, http::Status::locked};
inline constexpr Condition no_conflicting_lock{{kDav, "no-conflicting-lock"}, http::Status::locked};
inline constexpr Condition lock_token_matches_request_uri{{kDav, "lock-token-matches-request-uri"},
                                                          http::Status::conflict};
// The same of a LOCK that refreshes (§9.10.6).
inline constexpr Condition lock_to_refresh_matches_request_uri{{kDav, "lock-token-matches-request-uri"},
                                                               http::Status::precondition_failed};
// RFC 5689 §3.3.
inline constexpr Condition valid_resourcetype{{kDav, "valid-resourcetype"}, http::Status::forbidden};

// RFC 3744 §7.1.1.
inline constexpr Condition need_privileges{{kDav, "need-privileges"}, http::Status::forbidden};

// RFC 4331 §6.
inline constexpr Condition quota_not_exceeded{{kDav, "quota-not-exceeded"}, http::Status::insufficient_storage};
inline constexpr Condition sufficient_disk_space{{kDav, "sufficient-disk-space"}, http::Status::insufficient_storage};

// RFC 6578 §3.2, §3.6; the latter also RFC 3744 §9.2.
inline constexpr Condition valid_sync_token{{kDav, "valid-sync-token"}, http::Status::forbidden};
inline constexpr Condition number_of_matches_within_limits{{kDav, "number-of-matches-within-limits"},
                                                           http::Status::insufficient_storage};

// RFC 3253 §3.6.
inline constexpr Condition supported_report{{kDav, "supported-report"}, http::Status::forbidden};

}  // namespace cond
}  // namespace dav
