#!/usr/bin/env bash
# All of CBIS-DDSM, masses and calcifications: from the files as downloaded to a report and a bundle (docs/full-study.md).
#
#   study/full.sh CBIS-DDSM OUT
#
# CBIS-DDSM is what `mammomap download cbis-ddsm` filled, with the case description lists beside. The same call goes on
# where it was stopped. OUT/times.csv says how long each step took. Settings are taken from the environment:
#   ROWS                   working rows of a whole film
#   CROP, CROPS, BATCH     side of a crop, how many are drawn, how many a step, shared among the devices
#   VALIDATIONS            how often whole films of validation women are looked at
#   NET, ENCODER, WEIGHTS  WEIGHTS= (empty) starts from random weights
#   DEVICES                GPUs, or processes
#   FOLDS                  nets for the head, each as long as the first
#   SPLIT, SEED            a rule of docs/splits.md; the seed of split, weights and crops
set -euo pipefail
tree=${1:?study/full.sh CBIS-DDSM OUT} out=${2:?study/full.sh CBIS-DDSM OUT}
ROWS=${ROWS:-2048} CROP=${CROP:-512} CROPS=${CROPS:-200000} BATCH=${BATCH:-16} VALIDATIONS=${VALIDATIONS:-20}
NET=${NET:-unet} ENCODER=${ENCODER:-resnet34} WEIGHTS=${WEIGHTS-imagenet} DEVICES=${DEVICES:-1} FOLDS=${FOLDS:-4}
SPLIT=${SPLIT:-official-leak-free} SEED=${SEED:-1}

mkdir -p "$out"
[ -f "$out/times.csv" ] || echo step,seconds >"$out/times.csv"
step() { # NAME COMMAND…: run it, and write down how long it took; of one that was stopped only what was left is known
    local began=$SECONDS name=$1
    if [ -f "$out/.$1" ]; then name="$1, the rest of it"; fi
    touch "$out/.$1"
    echo "$1: ${*:2}"
    "${@:2}"
    echo "\"$name\",$((SECONDS - began))" >>"$out/times.csv"
    rm "$out/.$1"
}

sharded() { # COMMAND…: once a device, all at once
    local pids=() i
    for ((i = 0; i < DEVICES; i++)); do
        CUDA_VISIBLE_DEVICES=$i "$@" --shard $((i + 1))/"$DEVICES" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
}

fit_head() {
    local words=(mammomap train-head "$out/store" --model "$out/run" --folds "$FOLDS" -o "$out/head.json")
    [ -f "$out/head.json" ] || [ "$DEVICES" = 1 ] || sharded "${words[@]}"
    "${words[@]}"
}

step index mammomap index "$tree" -o "$out/tables"
step audit mammomap audit "$out/tables" -o "$out/audit"
step prepare mammomap prepare "$out/tables" -o "$out/store" --rows "$ROWS"
step train mammomap train "$out/store" -o "$out/run" --net "$NET" --encoder "$ENCODER" \
    ${WEIGHTS:+--encoder-weights "$WEIGHTS"} --crop "$CROP" --crops "$CROPS" --batch "$BATCH" \
    --set "validate_every=$((CROPS / VALIDATIONS))" --split "$SPLIT" --seed "$SEED" --devices "$DEVICES"
step head fit_head
step segment sharded mammomap segment "$out/tables" --part test --model "$out/run" -o "$out/maps"
step classify mammomap classify "$out/maps" --head "$out/head.json"
step benchmark mammomap benchmark "$out/tables" "net=$out/maps" --split "$out/run/split.csv" --run "$out/run" -o "$out/report"
step bundle mammomap bundle "$out/run" --head "$out/head.json" -o "$out/lesions.zip"
