#!/bin/bash
# A search on the nodes of a Slurm job. fcsearch must be installed on a disk that all nodes share. Fill in your partition and
# sizes, then
#
#   sbatch deploy/slurm.sh run --space my_space.yaml --out /shared/runs
#   sbatch deploy/slurm.sh resume /shared/runs/my_space
#
# Ten minutes before its time is up, or if it is cancelled, the search ends cleanly; `resume` continues it.
#SBATCH --job-name=fcsearch
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --time=08:00:00
#SBATCH --signal=B:TERM@600
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: sbatch deploy/slurm.sh run|resume|confirm ..." >&2
  exit 2
fi

# New for each job, and only in the environment of its processes: whoever has it can run code on the nodes.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token
# Since Slurm 22.05 srun does not take over --cpus-per-task: each step, and so Ray on each node, would get one core.
export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"

read -r head < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
on_head=(srun --overlap --nodes=1 --ntasks=1 --nodelist="$head")
read -r address _ < <("${on_head[@]}" hostname --ip-address)
# Two jobs may share a node.
port=$((20000 + SLURM_JOB_ID % 10000))

"${on_head[@]}" ray start --head --block --node-ip-address="$address" --port="$port" --include-dashboard=false \
  --num-cpus="${SLURM_CPUS_PER_TASK:-1}" &
ray=$!
until "${on_head[@]}" bash -c "exec 3<> /dev/tcp/$address/$port" 2> /dev/null; do
  if ! kill -0 "$ray" 2> /dev/null; then
    echo "Ray must start on $head, port $port; it ended: its messages are above" >&2
    exit 1
  fi
  sleep 1
done
if [ "$SLURM_JOB_NUM_NODES" -gt 1 ]; then
  srun --overlap --nodes=$((SLURM_JOB_NUM_NODES - 1)) --ntasks=$((SLURM_JOB_NUM_NODES - 1)) --exclude="$head" \
    ray start --block --address="$address:$port" --num-cpus="${SLURM_CPUS_PER_TASK:-1}" &
fi

# Nodes that start later than the search get work when they join.
"${on_head[@]}" fcsearch "$@" --address "$address:$port" &
search=$!
trap 'kill -TERM "$search"' TERM INT
status=0
wait "$search" || status=$?
if kill -0 "$search" 2> /dev/null; then
  # The trap ended the first wait.
  status=0
  wait "$search" || status=$?
fi
trap - TERM INT
mapfile -t left < <(jobs -p)
[ ${#left[@]} -eq 0 ] || kill "${left[@]}" 2> /dev/null || true
wait || true
exit "$status"
