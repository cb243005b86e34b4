#!/usr/bin/env bash
# Runs a command on an emulated machine with 16 processors on 4 NUMA nodes, under Debian's kernel:
#
#   bench/topology/qemu.sh build/host/test/test_placement_linux print
#   bench/topology/qemu.sh --add DIRECTORY --memory 8 COMMAND ARGUMENT...
#
# --add PATH      copies a file or directory into the machine, at its absolute path; repeatable
# --memory GB     memory of the machine, default 4
# --nodes N       nodes, a divisor of 16, default 4
# --accel kvm     uses the virtualization of this machine; default tcg, which emulates the processors
#
# The command is a program, or a script of /bin/sh, which is busybox, at a path. It needs no
# privileges here, and runs as root there, without network. The exit status is the command's.
# Packages of Debian: qemu-system-x86, cpio; the kernel and busybox are downloaded into build/qemu.
# It takes some minutes.
set -euo pipefail

processors=16
nodes=4
memory=4
accelerator=tcg
added=()
while [ $# -gt 0 ]; do
    case $1 in
    --add) added+=("$(realpath "$2")") && shift 2 ;;
    --memory) memory=$2 && shift 2 ;;
    --nodes) nodes=$2 && shift 2 ;;
    --accel) accelerator=$2 && shift 2 ;;
    *) break ;;
    esac
done
if [ $# -eq 0 ] || [ $((processors % nodes)) -ne 0 ]; then
    sed -n '2,/^set/{/^#/p}' "$0" >&2
    exit 2
fi
program=$(realpath "$1")
shift
directory=$(realpath -m "$(dirname "$0")/../../build/qemu")
mkdir -p "$directory"

# Downloads the newest cloud kernel and busybox, once.
if [ ! -e "$directory/debian/bin/busybox" ]; then
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -n 1)
    (cd "$directory" && apt-get download "$kernel" busybox-static)
    for package in "$directory"/*.deb; do
        dpkg-deb -x "$package" "$directory/debian"
    done
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# Copies a file or directory to its own path below the new root, and the target of a link as a file.
copy() {
    mkdir -p "$root$(dirname "$1")"
    cp -rL "$1" "$root$(dirname "$1")/"
}

# Copies the libraries that programs and libraries below a path are linked with.
copy_libraries() {
    # ldd fails for scripts
    { find "$1" -type f \( -name '*.so*' -o -perm -u+x \) -exec ldd {} + 2>/dev/null || true; } |
        sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p' | sort -u |
        while read -r library; do
            [ -e "$root$library" ] || copy "$library"
        done
}

mkdir -p "$root"/{bin,proc,sys,dev,tmp}
cp "$directory/debian/bin/busybox" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
for path in "$program" ${added[@]+"${added[@]}"}; do
    copy "$path"
    copy_libraries "$path"
done
{
    printf '#!/bin/sh\nbusybox mount -t proc proc /proc\nbusybox mount -t sysfs sysfs /sys\n'
    printf 'busybox mount -t devtmpfs devtmpfs /dev\nbusybox ip link set lo up\nexport HOME=/tmp\n'
    printf 'busybox stty -onlcr\n'
    printf '%q ' "$program" "$@"
    printf '\necho "status: $?"\nbusybox poweroff -f\n'
} >"$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc) >"$directory/initramfs"

numa=()
for ((node = 0; node < nodes; node++)); do
    first=$((node * processors / nodes))
    numa+=(-object "memory-backend-ram,id=memory$node,size=$((memory * 1024 / nodes))M"
        -numa "node,nodeid=$node,memdev=memory$node,cpus=$first-$((first + processors / nodes - 1))")
done
qemu-system-x86_64 -machine "q35,accel=$accelerator" -cpu max -smp "$processors,sockets=$nodes" \
    -m "${memory}G" "${numa[@]}" -kernel "$(ls "$directory"/debian/boot/vmlinuz-*)" \
    -initrd "$directory/initramfs" -append "console=ttyS0 quiet panic=-1 rdinit=/init" \
    -display none -nodefaults -serial stdio -no-reboot </dev/null | tee "$directory/output" |
    sed -n '/^status: /!p'
exit "$(sed -n 's/^status: \([0-9]*\).*/\1/p' "$directory/output" | tail -n 1 | grep . || echo 1)"
