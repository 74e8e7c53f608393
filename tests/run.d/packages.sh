# Installs what building (conf/packages/build.txt) and testing (conf/packages/test.txt) need, when something is missing.

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@"; else return 127; fi
}

wanted_packages() { sed 's/#.*//' conf/packages/build.txt conf/packages/test.txt | tr -s ' \t' '\n' | sed '/^$/d' | sort -u; }

missing_packages() {
    local package
    wanted_packages | while read -r package; do
        case $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true) in
            ii*) ;;
            *) echo "$package" ;;
        esac
    done
}

install_packages() {
    local missing policy=/usr/sbin/policy-rc.d made_policy=no status=0
    missing=$(missing_packages)
    [ -n "$missing" ] || { echo "   nothing to install"; return 0; }
    echo "   installing: $(echo $missing)"
    # Proxies under test are started by the tests on ports of their own, never by their packages.
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" && made_policy=yes
    fi
    {
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
    } >"$logs/packages.log" 2>&1 || status=$?
    [ "$made_policy" = no ] || as_root rm -f "$policy"
    if [ "$status" != 0 ]; then
        show_log "$logs/packages.log" 40
        echo "can not install packages: needs root or sudo without a password, and a Debian 12 mirror" >&2
    fi
    return "$status"
}
