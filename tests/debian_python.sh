#!/bin/sh
# Put Debian's Python 3.14 into a folder, beside the system, which keeps its own; needs root.
# It runs with the C library that comes with it.
set -eu
root=$1 python=$1/usr/bin/python3.14
if "$python" -m venv --help >/dev/null 2>&1; then
    exit
fi
type debootstrap patchelf >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -y -qq debootstrap patchelf >/dev/null
}
rm -rf "$root"
mkdir -p "$root"
echo "Unpacking Debian's Python 3.14 into $root. This takes a minute or two."
debootstrap --variant=minbase --include=python3.14-venv testing "$root" >"$root.log" \
    || { tail -5 "$root.log" >&2; exit 1; }
patchelf --set-interpreter "$(readlink -f "$root/lib64/ld-linux-"*)" \
    --force-rpath --set-rpath "$(echo "$root"/usr/lib/*-linux-gnu)" "$python"
# venv looks for pip where Debian has it.
sed -i "s#/usr/share/python-wheels#$root&#" "$root"/usr/lib/python3.14/_sysconfigdata_*.py
"$python" --version
