#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Parquet files by way of tools/parquet_to_jsonl; skipped where pyarrow, which writes and reads them, is not installed.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$WORK" || exit 1
if ! python3 -c 'import pyarrow' 2> /dev/null; then
  echo "skipped: pyarrow is not installed (pip install pyarrow)"
  exit 77
fi
python3 -c 'import pyarrow as pa, pyarrow.parquet as pq
turns = lambda answer: [{"role": "user", "content": "p"}, {"role": "assistant", "content": answer}]
pq.write_table(pa.table({"prompt": ["p"] * 3000, "chosen": [turns("c")] * 3000, "rejected": [turns("r%d" % i) for i in range(3000)]}), "pairs.parquet")'
check "is converted" python3 "$SOURCE/tools/parquet_to_jsonl" pairs.parquet pairs.jsonl.gz
run_lldm data check pairs.jsonl.gz --kind preference
expect_text "3000 rows of form preference (gzip), all good"
check "an unknown column is told" [ -n "$(python3 "$SOURCE/tools/parquet_to_jsonl" pairs.parquet x.jsonl --columns promt 2>&1 | grep 'has no column "promt"')" ]
head -c 3000 pairs.parquet > torn.parquet
check "a torn file is refused" [ "$(python3 "$SOURCE/tools/parquet_to_jsonl" torn.parquet torn.jsonl > /dev/null 2>&1; echo $?)" -eq 1 ]
check "and leaves nothing behind" [ -z "$(ls | grep '^torn.jsonl')" ]
summary
