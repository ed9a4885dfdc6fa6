# What every run.sh begins with: source it with the data sets that are needed and results.csv's first line.
#
#   source "$(dirname "${BASH_SOURCE[0]}")/../begin.sh" "cifar10 mnist" "network,top1"
#
# Goes to the repository, builds the program, and sets
#   here     the experiment's folder;   results  its results.csv, which exists then
#   data     the folder of data sets;   out      where the runs go;   linnet   the program
for folder in LINNET_DATA OUT; do  # as the caller means them
  [[ -z ${!folder:-} ]] || export "$folder=$(realpath -m -- "${!folder}")"
done
here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd -P)
cd "$here/../.."
data=${LINNET_DATA:-../shared/data}
out=${OUT:-runs/$(basename "$here")}
linnet=build/release/src/linnet
results=$here/results.csv

for set in $1; do
  [[ -d $data/$set ]] || { echo "run.sh: there is no $data/$set; set LINNET_DATA" >&2; exit 3; }
done
scripts/install_deps.sh
cmake --preset release >/dev/null
cmake --build --preset release --target linnet >/dev/null
[[ -s $results ]] || echo "$2" >"$results"
