# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# enter-root.sh ROOT FOLDER [[ro:]VISIBLE...] -- COMMAND...
#
# Runs COMMAND in ROOT, in FOLDER, with every VISIBLE folder at its own path. Must be started in a mount namespace of
# its own (sandbox.sh does): nothing is unmounted here, the mounts end with the namespace.

set -eu

root=$1
working=$2
shift 2
visible=()
while [ "$1" != -- ]; do
  visible+=("$1")
  shift
done
shift

# The root's own folders are not to be hidden: below these, only what the root does not have is mounted.
is_the_roots_own ()
{
  case "$1/" in
    / | /bin/* | /boot/* | /dev/* | /etc/* | /lib/* | /lib??/* | /proc/* | /run/* | /sbin/* | /sys/* | /usr/* | /var/*)
      [ -e "$root$1" ] && [ -n "$(ls -A "$root$1" 2>/dev/null)" ]
      ;;
    *) false ;;
  esac
}

show ()
{
  local folder=${1#ro:}

  if [ "$folder" = / ] || [ "$folder" -ef "$root$folder" ] || is_the_roots_own "$folder"; then
    return
  fi
  mkdir -p "$root$folder"
  mount --rbind "$folder" "$root$folder"
  if [ "$1" != "$folder" ]; then
    mount -o remount,bind,ro "$root$folder" 2>/dev/null || true
  fi
}

mount --rbind /tmp "$root/tmp"
# Outer folders first, so that they do not cover inner ones.
while IFS= read -r folder; do
  show "$folder"
done < <(printf '%s\n' "${visible[@]}" | awk '{ print length, $0 }' | sort -n -s | cut -d ' ' -f 2-)
mount --rbind /proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
for file in /etc/resolv.conf /etc/hosts; do
  if [ -e "$file" ]; then
    [ -e "$root$file" ] || : > "$root$file"
    mount --bind "$(realpath "$file")" "$root$file"
  fi
done
mkdir -p "$root${HOME:=/root}"
[ -d "$root$working" ] || working=/

exec chroot "$root" /usr/bin/env --chdir="$working" --unset=LD_LIBRARY_PATH --unset=LD_PRELOAD --unset=PYTHONPATH \
  --unset=PYTHONHOME --unset=PKG_CONFIG_PATH --unset=CC --unset=CXX --unset=TMPDIR HOME="$HOME" \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
