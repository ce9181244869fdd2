#!/bin/sh
# How exact the model is on recorded kernels, as rows of a Markdown table, one a capture (README, "validate"):
#
#   examples/exactness.sh traces/linux-7.3-*
#
# Further options of validate go before the captures: examples/exactness.sh --without-probes CAPTURE...
# MM_SIM names the program; mm-sim of the PATH when it is not set.

options=
while [ "${1#-}" != "$1" ]; do
  options="$options $1"
  shift
done
echo '| capture | blocks taken | fallbacks | lists in order | rotations read off | pages, one step | share | early or late | corrections | list events, never corrected | in line order |'
echo '| :-- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |'
for capture; do
  # shellcheck disable=SC2086
  ${MM_SIM:-mm-sim} validate $options "$capture" --format csv | awk -F, '
    { value[$1] = $2 }
    function of(equal, all) { return value[equal] "/" value[all] }
    END {
      if (value["capture"] == "") exit 1
      # Truncated: 100.0 % is said of all alone.
      share = int(value["simulated.exact"] * 1000 / value["simulated.allocations"])
      printf "| %s | %s | %s | %s | %s | %s | %d.%d %% | %s | %s | %s | %s |\n", value["capture"],
        of("recorded.exact", "recorded.allocations"),
        of("recorded.extfrag.equal", "recorded.extfrag.recorded"),
        of("recorded.freeListsEqual", "recorded.freeLists"),
        value["recorded.inferred.rotations"],
        of("simulated.exact", "simulated.allocations"), share / 10, share % 10,
        value["simulated.reordered"], value["simulated.putRight"],
        of("simulated.freeRunning.sameBuddyEvents", "simulated.freeRunning.buddyEvents"),
        value["simulated.freeRunning.inLineOrder.sameBuddyEvents"]
    }'
done
