#!/usr/bin/env bash
# cadaver, driven by expect over TLS: the certificate it asks about, and every command of a person at its prompt.
. "$(dirname "$0")/server.sh"
start_server "${1:-}"

export HOME=$work/home TERM=dumb
mkdir -p "$HOME" "$work/got"
head -c 70000 /dev/urandom >"$work/big.bin"
echo "from cadaver" >"$work/small.txt"

cat >"$work/session.exp" <<EOF
set timeout 20
set stty_init "columns 400"
log_user 0
# Everything from the echo of the command to the next prompt is its answer.
proc step {name command wanted} {
    send -- "\$command\r"
    expect {
        -re {\n(.*)dav:[^\r\n]*> ?$} {
            set answer [string map {\r { } \n { }} \$expect_out(1,string)]
            if {[regexp -- \$wanted \$answer]} { puts "ok cadaver-\$name" } else { puts "FAIL cadaver-\$name: \$answer" }
        }
        timeout { puts "FAIL cadaver-\$name: no answer" }
        eof { puts "FAIL cadaver-\$name: cadaver ended"; exit 1 }
    }
}
# Somebody else with the same account but without the lock.
proc other {name wanted method} {
    set got [exec curl -s -o /dev/null -w %{http_code} --cacert $ca -u $user:$password -X \$method --data other $url/made/small.txt]
    if {\$got eq \$wanted} { puts "ok cadaver-\$name" } else { puts "FAIL cadaver-\$name: \$got instead of \$wanted" }
}
cd $work
spawn cadaver "$url/"
expect {
    -re {accept the certificate.*\(y/n\)} { send "y\r"; puts "ok cadaver-certificate"; exp_continue }
    -re {Username:} { send "$user\r"; exp_continue }
    -re {Password:} { send "$password\r"; puts "ok cadaver-challenged"; exp_continue }
    -re {dav:[^\r\n]*> ?$} { puts "ok cadaver-opened" }
    timeout { puts "FAIL cadaver-opened: no prompt"; exit 1 }
    eof { puts "FAIL cadaver-opened: cadaver ended"; exit 1 }
}
step mkcol {mkcol made} {Creating .made.*: succeeded}
step put {put small.txt made/small.txt} {Uploading .*succeeded}
step put-big {put big.bin} {Uploading .*succeeded}
step ls {ls made} {small\.txt +13 }
step get {get made/small.txt got/small.txt} {Downloading .*succeeded}
step get-big {get big.bin got/big.bin} {Downloading .*succeeded}
step copy {copy made/small.txt made/copy.txt} {Copying .*succeeded}
step copy-collection {copy made/ again/} {Copying .*succeeded}
step move {move made/copy.txt made/moved.txt} {Moving .*succeeded}
step propset {propset made/small.txt colour green} {Setting property .*succeeded}
step propget {propget made/small.txt colour} {Value of colour is: green}
step propnames {propnames made/small.txt} {colour}
step lock {lock made/small.txt} {Locking .*succeeded}
step discover {discover made/small.txt} {opaquelocktoken:|urn:uuid:}
step showlocks {showlocks} {made/small\.txt}
other lock-keeps-others-out 423 PUT
step put-locked {put small.txt made/small.txt} {Uploading .*succeeded}
step unlock {unlock made/small.txt} {Unlocking .*succeeded}
other unlock-lets-others-in 204 PUT
step propdel {propdel made/small.txt colour} {property.*succeeded}
step delete {delete made/moved.txt} {Deleting .*succeeded}
step rmcol {rmcol made/} {Deleting collection .*succeeded}
step missing {get nothing.txt got/nothing} {failed.*404}
send "quit\r"
expect {
    eof { puts "ok cadaver-quit" }
    timeout { puts "FAIL cadaver-quit: it stays" }
}
EOF
timeout 300 expect "$work/session.exp" 2>"$work/expect.err" | tee "$work/session.out"
failures=$((failures + $(grep -c '^FAIL ' "$work/session.out")))
if ! grep -q 'cadaver-quit' "$work/session.out"; then fail "cadaver-session: ended early $(tail -n 5 "$work/expect.err" | tr '\n' ' ')"; fi
same cadaver-bytes "$(hash_of "$work/got/big.bin" 2>/dev/null)" "$(hash_of "$work/big.bin")"
check cadaver-on-disk cmp "$work/small.txt" "$root/files/$user/again/small.txt"
if [ ! -e "$root/files/$user/made" ]; then ok cadaver-removed-on-disk; else fail "cadaver-removed-on-disk: still there"; fi
exit $((failures > 0))
