#!/data/data/com.termux/files/usr/bin/bash
# A watcher on an Android phone: hands the messenger's notifications to the hub.
#
# Needs Termux and Termux:API (the app and the package) with access to notifications, curl and jq.
# Every notification is handed in once; the hub looks for nothing but its own canary's code in it,
# and keeps no text.
set -u
: "${HUB:?where the hub is, e.g. https://hub.example}" "${TOKEN:?a token of the hub}"
: "${WATCHER:?the name of this watcher}"
PACKAGE=${PACKAGE:-com.kakao.talk}
PAUSE=${PAUSE:-1}

last=
while :; do
    texts=$(termux-notification-list |
        jq -r --arg package "$PACKAGE" '.[] | select(.packageName == $package) | .content' |
        grep -o '#ieum-[0-9a-f]\{6\}' | sort -u)
    for text in $texts; do
        case " $last " in *" $text "*) continue ;; esac
        curl -fsS --max-time 5 -o /dev/null \
            -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
            -d "{\"text\":\"$text\"}" "$HUB/v1/watchers/$WATCHER/seen" && last="$last $text"
    done
    last=$(printf '%s' "$last" | tail -c 600)
    sleep "$PAUSE"
done
