#!/bin/sh
# What is in force, compared with what is merged. For a schedule; it writes nothing.
#
#   0  nothing differs          2  merged, and not applied yet: told, and no failure
#   3  changed outside of git   4  both                           anything else: it could not be looked at
set -u
code=0
reconciler plan specs --detailed-exitcode || code=$?
case "$code" in
  0) echo "Nothing has drifted, and nothing waits to be applied." ;;
  2) echo "Merged and not applied yet: see the last run of the apply job." ;;
  3 | 4)
    echo "Changed outside of git. Take it into the specs, or put it back:"
    reconciler drift specs --exit-zero
    exit "$code"
    ;;
  *) echo "It could not be looked at." >&2 && exit "$code" ;;
esac
