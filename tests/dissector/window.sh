# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A real window: Wireshark with the plug-in and its profile on a display of its own (Xvfb). Source it,
# set `work` (a directory that anybody may read); then open_window, shot, and close_window at the end.
window_server='' window_program=''

# window_display: starts the display, once
window_display() {
  [ -z "$window_server" ] || return 0
  Xvfb -displayfd 3 -screen 0 1600x1000x24 -ac -nolisten tcp 3>"$work/display" 2>"$work/xvfb.err" &
  window_server=$!
  for _ in $(seq 100); do
    [ ! -s "$work/display" ] || break
    sleep 0.1
  done
  DISPLAY=:$(cat "$work/display")
  export DISPLAY QT_QPA_PLATFORM=xcb QT_SCALE_FACTOR=1 LIBGL_ALWAYS_SOFTWARE=1 LC_ALL=C.UTF-8
}

# wait_for NAME: a visible window whose title has NAME, and which stays (Qt makes some twice); prints
# its id. Ten seconds at most.
wait_for() {
  local id='' before=none
  for _ in $(seq 40); do
    id=$(xdotool search --onlyvisible --name "$1" 2>/dev/null | tail -1)
    [ -z "$id" ] || [ "$id" != "$before" ] || { echo "$id"; return 0; }
    before=$id
    sleep 0.25
  done
  return 1
}

# settled: waits until the picture has stopped to change
settled() {
  local last='' now
  for _ in $(seq 30); do
    sleep 0.3
    now=$(import -silent -window root rgb:- | md5sum)
    [ "$now" != "$last" ] || return 0
    last=$now
  done
}

# open_window TRACE WIDTH HEIGHT OPTION…: Wireshark on it; `window` is its id
open_window() {
  local trace=$1 width=$2 height=$3
  shift 3
  window_display
  timeout 60 mk/with-plugin wireshark -C nvmetap -n -r "$trace" "$@" >"$work/window.out" 2>"$work/window.err" &
  window_program=$!
  window=$(wait_for "^$(basename "$trace")") || return 1
  xdotool windowmove "$window" 0 0 windowsize "$window" "$width" "$height"
  settled
}

# open_live WIDTH HEIGHT RECORD_OPTION…: a recorder, and Wireshark that captures from it, as one user
open_live() {
  local width=$1 height=$2
  shift 2
  window_display
  cat >"$work/live" <<'END'
cd "$HOME" && export XDG_RUNTIME_DIR=$HOME TMPDIR=$HOME
truncate -s 64M disk
trap 'kill $(jobs -p) 2>/dev/null' EXIT
"$@" --namespace "file:$HOME/disk" 2>/dev/null &
until "$1" ctl "nvmetap/$!.ctl" status 2>/dev/null | grep -q 'ready yes'; do kill -0 $! && sleep 0.05 || exit; done
wireshark -C nvmetap -n -k -i "nvmetap-$!"
END
  timeout 60 mk/with-plugin bash "$work/live" "$(realpath "${BUILD:-build}")/nvmetap" record --serial LIVE "$@" \
    >"$work/window.out" 2>"$work/window.err" &
  window_program=$!
  window=$(wait_for '^Capturing from') || return 1
  xdotool windowmove "$window" 0 0 windowsize "$window" "$width" "$height"
}

# shot FILE [ID]: a picture of the window (or another one)
shot() {
  import -window "${2:-$window}" "$1"
}

close_window() {
  [ -z "$window_program" ] || { kill "$window_program"; wait "$window_program"; } 2>/dev/null || :
  window_program=''
}

close_display() {
  close_window
  [ -z "$window_server" ] || { kill "$window_server"; wait "$window_server"; } 2>/dev/null || :
  window_server=''
}
