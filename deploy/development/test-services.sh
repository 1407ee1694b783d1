#!/bin/sh
# What the tests need from the system: Chromium, Chinese fonts, RabbitMQ, nginx. Installed where missing, never started
# here: the tests start a broker and an nginx of their own, and installing must not start the packages'.
set -eu
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
fc-list 2>/dev/null | grep -q 'Noto Sans CJK' || missing="$missing fonts-noto-cjk fontconfig"
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing="$missing rabbitmq-server"
[ -x /usr/sbin/nginx ] || missing="$missing nginx"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "minqing: installing from Debian's packages:$missing"
    flock /var/lib/dpkg apt-get update -qq  # Python's venv may be on its way beside this
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    # shellcheck disable=SC2086  # a list of names
    DEBIAN_FRONTEND=noninteractive flock /var/lib/dpkg apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "minqing: the tests need these system packages; install them and try again:$missing"
    exit 1
fi
