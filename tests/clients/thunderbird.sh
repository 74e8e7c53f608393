#!/usr/bin/env bash
# Thunderbird without a window: an address book of the host's name, a user and a password by the code of its own dialog;
# cards and photos both ways. Thunderbird trusts Hearth's authority in its profile, and its checks are on.

# Where that is possible in a network of its own that has loopback alone: then it talks to nobody else, and nobody answers.
if [ -z "${HEARTH_ALONE:-}" ] && unshare -n true 2>/dev/null; then HEARTH_ALONE=1 exec unshare -n "$0" "$@"; fi
if [ -n "${HEARTH_ALONE:-}" ]; then
    /usr/bin/python3 -c '
import fcntl, socket, struct
up = 0x8914, struct.pack("16sh", b"lo", 0x1)  # SIOCSIFFLAGS, IFF_UP
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), *up)'
fi
. "$(dirname "$0")/server.sh"
start_server
. "$(dirname "$0")/cards.sh"
leave+=(end_those_at_home)
check group make_family

profile=$work/profile
mkdir -m 700 "$profile" "$work/home"
check trusts-the-authority sh -c "timeout 20 certutil -N -d 'sql:$profile' --empty-password &&
    timeout 20 certutil -A -d 'sql:$profile' -n hearth -t C,, -i '$ca'"
marionette_port=$(free_port)
cat >"$profile/user.js" <<PREFERENCES
user_pref("marionette.port", $marionette_port);
user_pref("toolkit.telemetry.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mailnews.start_page.enabled", false);
user_pref("mail.inappnotifications.enabled", false);
PREFERENCES
env HOME="$work/home" RES_OPTIONS='timeout:1 attempts:1' MOZ_CRASHREPORTER_DISABLE=1 profile="$profile" work="$work" \
    marionette_port="$marionette_port" port="$port" user="$user" password="$password" ca="$ca" \
    timeout -k 30 200 /usr/bin/python3 -B "$(dirname "$0")/thunderbird.py" | tee "$work/session.out"
failures=$((failures + $(grep -c '^FAIL ' "$work/session.out")))
if grep -q '^ok leaves-the-others$\|^FAIL ' "$work/session.out"; then :; else fail "session: ended early: $(tail -n 3 "$work/thunderbird.log" | tr '\n' ' ')"; fi
check check-finds-nothing "$HEARTH_BIN" check --root "$root"
exit $((failures > 0))
