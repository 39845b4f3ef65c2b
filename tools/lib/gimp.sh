# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What tools/gimp, tools/demo and tools/install share. To be sourced after sandbox.sh.

# The plug-in with all that belongs to it, built where its sources are newer.
build_plug_in ()
{
  build_if_newer "plugin/gesso gesso-gmo backends" meson.build meson.options engine kernels ui plugin po
}

# The same for who only wants to see it paint, on the processor: compiling for every NVIDIA card takes minutes. One that
# was built before is brought up to date with the rest.
build_plug_in_for_cpu ()
{
  if [ -e "$gesso_top/build/release/kernels/libgesso-cuda.so" ]; then
    build_plug_in
  else
    build_if_newer "plugin/gesso gesso-gmo" meson.build meson.options engine ui plugin po
  fi
}

# Runs a Python script of tools/lib there, with the user's display and models within reach: a GIMP in a throwaway
# profile has another HOME.
run_gimp_script ()
{
  local script=$1 folders data=${XDG_DATA_HOME:-$gesso_home/.local/share}/gesso/models
  local hub=${XDG_CACHE_HOME:-$gesso_home/.cache}/huggingface
  shift

  # The models of this tree, after those that the caller lists.
  export GESSO_MODELS_PATH=${GESSO_MODELS_PATH:+$GESSO_MODELS_PATH:}$gesso_top/models
  export GESSO_USER_MODELS=${GESSO_USER_MODELS:-$data} HF_HOME=${HF_HOME:-$hub}
  IFS=: read -r -a folders <<<"$GESSO_MODELS_PATH:$GESSO_USER_MODELS:$HF_HOME:${HF_HUB_CACHE-}"
  show_folder "${folders[@]}"
  if [ -n "${DISPLAY-}${WAYLAND_DISPLAY-}" ]; then
    if [ -z "${XAUTHORITY-}" ] && [ -e "$gesso_home/.Xauthority" ]; then
      export XAUTHORITY=$gesso_home/.Xauthority
    fi
    show_folder "$gesso_home" "${XAUTHORITY:+$(dirname -- "$XAUTHORITY")}" "${XDG_RUNTIME_DIR-}"
  fi
  sandbox_run python3 -B "$gesso_lib/$script" "$@"
}
