#!/bin/sh
# Corral's runner: sh runner.sh DIR [SESSION]
#
# One per agent, in its tmux pane. It starts the agent in the foreground, writes down how it
# ended, and clears what it left, all without the daemon. It stays outside the agent's control
# group and mark, so that what ends the agent never takes the one who keeps the record.
#
# Plain POSIX sh, for dash, bash, busybox and macOS. Two traps of that language shape the text:
# a redirection that fails on a special builtin (: exec .) ends the whole shell, so files are
# written with `true` and `printf`; and `cmd &` would make an agent deaf to INT and QUIT, so the
# agent runs in the foreground and the wall clock in the background.
directory=$1

# Caught, not ignored: an ignored signal stays ignored in the agent, a caught one does not.
# Catching HUP is what lets the agent outlive the tmux server.
trap : HUP TERM INT QUIT

start_ticks() { # sets ticks: field 22 of stat, counted after the last ')' of the name
  ticks=null
  if IFS= read -r stat 2>/dev/null <"/proc/$$/stat"; then
    set -- ${stat##*) }
    shift 19
    ticks=$1
  fi
}

ring() { true 2>/dev/null >"$corral_bell/$corral_agent"; }

pause() { sleep "$1" 2>/dev/null || sleep 1; }

# --- the agent's processes, found without the daemon -------------------------------------------

find_members() { # sets found: pids of the agent's set that this witness sees
  found=
  if [ -n "$corral_cgroup" ]; then
    while read -r pid; do found="$found $pid"; done 2>/dev/null <"$corral_cgroup/cgroup.procs"
  elif [ -n "$corral_freezer" ]; then # groups that the agent made below its own count too
    found=$(find "$corral_freezer" -name cgroup.procs -exec cat {} + 2>/dev/null)
  elif [ -n "$corral_soft" ]; then
    line="^Max msgqueue size  *$corral_soft  *$corral_hard  *bytes"
    paths=$(grep -ls "$line" /proc/[0-9]*/limits 2>/dev/null)
    # Another world may have drawn the same pair, never the same seal. A world of before there were seals has none,
    # and spares whoever bears one: a number of 13 to 15 digits.
    locks="^Max file locks  *[0-9a-z]*"
    if [ -z "$paths" ]; then
      :
    elif [ -n "${corral_seal-}" ]; then
      paths=$(grep -ls "$locks  *$corral_seal  *locks" $paths 2>/dev/null)
    else
      paths=$(grep -Ls "$locks  *[0-9]\{13,15\}  *locks" $paths 2>/dev/null)
    fi
    for path in $paths; do
      pid=${path#/proc/}
      pid=${pid%/limits}
      IFS= read -r stat 2>/dev/null <"/proc/$pid/stat" || continue
      case ${stat##*) } in Z* | X*) continue ;; esac
      found="$found $pid"
    done
  else # no control group and no mark: our process group is the best that is left
    self=$(exec sh -c 'echo $PPID')
    all=$(ps -A -o pid= -o pgid= -o stat= -o comm=)
    while read -r pid group state name; do
      [ "$group" = "$$" ] || continue
      case $pid:$state:$name in
        "$$:"* | "$self:"* | "${watcher:-none}:"* | "${feeder:-none}:"* | *:Z*:* | *:ps | */ps) continue ;;
      esac
      found="$found $pid"
    done <<ALL
$all
ALL
  fi
}

is_empty() {
  if [ -n "$corral_cgroup" ]; then # groups that the agent made below its own count too
    populated=0
    while read -r key value; do
      [ "$key" != populated ] || populated=$value
    done 2>/dev/null <"$corral_cgroup/cgroup.events"
    [ "$populated" = 0 ]
  else
    find_members
    [ -z "$found" ]
  fi
}

signal_members() { # SIGNAL
  find_members
  for pid in $found; do kill -s "$1" "$pid" 2>/dev/null; done
}

freeze() { # FROZEN or THAWED: the frozen cannot fork, and take their signals when they thaw
  [ -z "$corral_freezer" ] || echo "$1" 2>/dev/null >"$corral_freezer/freezer.state"
}

end_members() { # SECONDS: TERM, so long to go by themselves, then KILL until nobody is left
  is_empty && return
  signal_members TERM
  tenths=$(($1 * 10))
  while [ "$tenths" -gt 0 ] && ! is_empty; do
    tenths=$((tenths - 1))
    pause 0.1
  done
  rounds=0
  empties=0
  while [ "$empties" -lt 2 ] && [ "$rounds" -lt 100 ]; do
    rounds=$((rounds + 1))
    if is_empty; then
      empties=$((empties + 1))
      continue
    fi
    empties=0
    [ -z "$corral_cgroup" ] || echo 1 2>/dev/null >"$corral_cgroup/cgroup.kill"
    freeze FROZEN
    signal_members KILL
    freeze THAWED
    pause 0.02
  done
}

# --- the wall clock, and the daemon --------------------------------------------------------------

seconds() { # sets now, from a clock that nobody sets where there is one
  if IFS=' .' read -r now _ 2>/dev/null </proc/uptime; then return; fi
  now=$(date +%s)
}

# The daemon keeps a record of itself: pid, start ticks, epoch, in one line that is written at one
# blow. It is gone when that very process is; a look that failed proves nothing.
daemon_lives() { # sets daemon to the record, "" when there is none to be read
  daemon=
  IFS= read -r daemon 2>/dev/null <"$corral_alive" || return 0
  set -- $daemon
  [ "$#" -ge 3 ] || return 0
  if IFS= read -r stat 2>/dev/null <"/proc/$1/stat"; then
    born=$2
    set -- ${stat##*) }
    case $1 in Z* | X*) return 1 ;; esac
    shift 19
    [ "$1" = "$born" ]
  else # without /proc (macOS) a pid that was given out again counts as the daemon: it is only kept longer
    kill -0 "$1" 2>/dev/null
  fi
}

# The daemon holds a lock on its record for as long as it lives, and the kernel drops it. So one
# process waits for the end of the daemon and of the time at once, and nobody has to ask again and
# again. Where that lock cannot be waited for, the record is read every so often.
wait_for() { # SECONDS, or less when the daemon goes; clears locked when its lock tells nothing
  nap=$1
  if [ -n "$locked" ] && [ -n "$daemon" ]; then
    until=$((now + nap))
    before=$daemon
    "$corral_flock" -s -w "$nap" "$corral_alive" true &
  else
    [ -z "$ttl" ] || [ -n "$gone" ] || [ "$nap" -le "$poll" ] || nap=$poll
    until=0
    sleep "$nap" &
  fi
  wait "$!"
  ended=$?
  [ "$ended" -le 128 ] || kill "$!" 2>/dev/null # cut short by a signal: the caller waits for the rest
  seconds
  [ "$now" -lt "$until" ] && [ "$ended" -le 128 ] || return
  looks=10 # the kernel drops the locks of a process a moment before it is seen dead
  while daemon_lives && [ "$daemon" = "$before" ]; do
    looks=$((looks - 1))
    [ "$looks" -gt 0 ] || {
      locked= # free, or an error, although the very same daemon lives
      return
    }
    pause 0.1
  done
}

poll_seconds() { # sets poll: a quarter of the time that the daemon may be gone, 5 s to 60 s
  poll=$((${ttl:-0} / 4))
  [ "$poll" -ge 5 ] || poll=5
  [ "$poll" -le 60 ] || poll=60
}

# Without a daemon nobody sends, and nobody reads the result of an agent whose own hook did not run.
leave_input() {
  [ ! -p "$corral_input/names" ] || printf 'end\n' 2>/dev/null 1<>"$corral_input/names"
}

watch() { # the wall clock, and the daemon where it is asked for or there is an input
  trap 'kill "$!" 2>/dev/null; exit 0' TERM
  trap : HUP INT QUIT
  seconds
  ttl=${corral_daemon_ttl_s:-$corral_input_ttl_s}
  poll_seconds
  deadline=$((now + ${corral_wall_clock_s:-2000000000}))
  locked=
  [ -z "$ttl" ] || locked=$corral_flock
  gone=
  daemon=
  while :; do
    left=$((deadline - now))
    word=over
    [ "$left" -gt 0 ] || break
    if [ -n "$ttl" ]; then
      if daemon_lives; then
        gone=
      else # one that came back and went again has another record: the time begins anew
        [ -n "$gone" ] && [ "$daemon" = "$last" ] || gone=$now
        last=$daemon
        daemon=
        word=gone
        patience=$((gone + ttl - now))
        if [ "$patience" -le 0 ]; then
          [ -z "$corral_daemon_ttl_s" ] || break
          leave_input
          ttl=
          continue
        fi
        [ "$patience" -ge "$left" ] || left=$patience
      fi
    fi
    wait_for "$left"
  done
  # In place: a full disk has no room for a file that is not there yet.
  printf '%s\n' "$word" 2>/dev/null 1<>"$directory/.clock"
  end_members 5
}

# --- the record ----------------------------------------------------------------------------------

# sh knows one number: "ended by signal n" and "exit 128+n" look alike. But every sh tells its
# stderr when a signal ended its foreground command (all but INT and PIPE), and our stderr is a
# file of our own, whose first line takes the room of the second; so a CLI that caught TERM and
# left with 143 keeps its 143. A crash or a KILL is believed without that word: a wrapper that
# passes 137 or 139 on means the same.
name_signal() { # sets signal and code from status
  code=$status
  signal=null
  [ "$status" -gt 128 ] && [ "$status" -le 192 ] || return
  case $status in
    132 | 133 | 134 | 135 | 136 | 137 | 139 | 159) ;;
    *) { IFS= read -r _ && IFS= read -r _; } 2>/dev/null <"$directory/runner.log" || return ;;
  esac
  name=$(kill -l $((status - 128)) 2>/dev/null) || return
  signal="\"SIG${name#SIG}\""
  code=null
}

# The record's room is taken while there is some, so that a full disk cannot keep it from being
# written, whoever else waits for every byte that becomes free: it is written over, in place.
reserve_exit() {
  printf '%-254s}\n' '{' 2>/dev/null >"$directory/exit.json.tmp"
  printf 'runs\n' 2>/dev/null >"$directory/.clock"
}

# File systems that copy on write have no place of one's own. Corral keeps a ballast for such
# days, also with its daemon dead: a piece of it is emptied, never deleted, and refilled later.
free_ballast() {
  [ -n "$corral_ballast" ] || return
  for piece in 1 2 3 4 5 6 7 8; do
    piece="$corral_ballast/$piece"
    [ -f "$piece" ] && [ ! -L "$piece" ] && [ -s "$piece" ] || continue
    true 2>/dev/null >"$piece" && return
  done
}

write_exit() {
  name_signal
  timed_out=false
  daemon_gone=false
  word=
  IFS= read -r word 2>/dev/null <"$directory/.clock"
  case $word in over) timed_out=true ;; gone) daemon_gone=true ;; esac
  rm -f "$directory/.clock"
  temporary="$directory/exit.json.tmp"
  record=$(printf '{"code":%s,"signal":%s,"status":%d,"timed_out":%s,"daemon_gone":%s,"ended_at":%s' \
    "$code" "$signal" "$status" "$timed_out" "$daemon_gone" "$(date +%s)")
  tries=38 # a full disk may get room again; a directory that is gone will not come back
  while [ -d "$directory" ] && [ "$tries" -gt 0 ]; do
    if printf '%-254s}\n' "$record" 2>/dev/null 1<>"$temporary"; then
      sync "$temporary" 2>/dev/null
      mv -f "$temporary" "$directory/exit.json" 2>/dev/null && return
    fi
    free_ballast
    [ "$tries" -gt 30 ] || pause 1 # at once for every piece of the ballast, then as room comes
    tries=$((tries - 1))
  done
}

# --- the agent's input ---------------------------------------------------------------------------

# For a CLI that takes further messages while it works. Its stdin is a FIFO, `line`, and the feeder
# writes to it: first the prompt, then each message that is named to it by `names`, a FIFO as well. A
# message lies in a file of its own, which is emptied once it is passed on: so it is passed once, whoever
# names it again. "end" closes the input; whoever writes later finds nobody who reads.
make_input() {
  [ -n "$corral_input" ] || return
  mkfifo -m 600 "$corral_input/names" && mkfifo -m 600 "$corral_input/line"
}

feed() { # in a subshell of its own; by exec, since dash keeps what a redirected function hides
  trap '' HUP INT QUIT
  exec <&8 >&5 2>/dev/null 5>&- 6<&- 8>&- 9>&-
  cat "$corral_first" || exit
  while IFS= read -r name; do
    case $name in
      end) exit ;;
      */* | .*) continue ;;
    esac
    [ -f "$corral_input/$name" ] && [ -s "$corral_input/$name" ] || continue
    cat "$corral_input/$name" && true >"$corral_input/$name" || exit # the agent reads no more
  done
}

# Every end is opened here, one after the other, so that nobody waits for another's open.
open_input() { # sets feeder; 6 becomes the agent's stdin, by 8 the feeder is told of the end
  feeder=
  make_input 2>/dev/null || return
  exec 7<>"$corral_input/line" 8<>"$corral_input/names"
  exec 6<"$corral_input/line" 5>"$corral_input/line" 7>&-
  feed &
  feeder=$!
  exec 5>&- 8>"$corral_input/names" # the feeder alone reads names: when it is gone, so is the input
}

# By a word, not by a signal: a feeder that has ended may have left its number to a stranger.
end_input() {
  [ -n "$feeder" ] || return
  trap '' PIPE
  exec 6<&-
  printf 'end\n' 2>/dev/null >&8
}

# --- the life of one agent -------------------------------------------------------------------------

[ -r "$directory/launch.sh" ] || exit 1
corral_reading=1
. "$directory/launch.sh" # its first lines say who and where; the rest is for the agent's own shell

# The launch sets the mask of its agent itself, where it knows one. Asking for ours costs a process, and a start half a millisecond.
mask=077
[ -n "$corral_umask" ] || mask=$(umask)
umask 077
# One runner per agent, ever. The lock is on the open file, which the agent and all that it starts
# inherit as 9: while one of them lives, whoever died before it, no second runner gets past here.
# It is the file that the agent has as its stderr anyway, so 9 gives it nothing that it had not.
exec 9>>"$directory/stderr.log"
[ -z "$corral_flock" ] || "$corral_flock" -n 9 || exit 75
[ ! -e "$directory/exit.json" ] || exit 75
printf 'Runner %d of %s\n' "$$" "$corral_agent" 2>/dev/null >"$directory/runner.log"
exec 2>>"$directory/runner.log"
start_ticks
printf '{"pid":%d,"start_ticks":%s}\n' "$$" "$ticks" >"$directory/runner.json"
true >>"$directory/stream.jsonl"
reserve_exit
umask "$mask"
printf 'Agent %s runs here; its output goes to %s/stream.jsonl\n' "$corral_agent" "$directory" 2>/dev/null

watcher=
if [ -n "$corral_wall_clock_s$corral_daemon_ttl_s$corral_input_ttl_s" ]; then
  watch </dev/null >/dev/null 2>&1 &
  watcher=$!
fi

open_input

# No redirection here: dash would apply it to its own word about a signal too (name_signal).
/bin/sh "$directory/launch.sh"
status=$?

write_exit
ring
if [ -n "$watcher" ]; then
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
fi
sync "$directory" 2>/dev/null
end_input
end_members 2
[ -z "$feeder" ] || wait "$feeder" 2>/dev/null
exit 0
