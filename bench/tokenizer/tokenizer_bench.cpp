// SPDX-License-Identifier: MIT
// Bytes of text per second that tokenizers encode and decode, one thread.  With
// LLDM_BENCH_TOKENIZER (a folder or file) and LLDM_BENCH_TEXTS (one JSON text a line) those; else
// small ones of the golden data.  bench/tokenizer/beside runs it beside the Python packages.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lldm/tokenizer/load.hpp"

namespace {

using namespace lldm;

std::string setting(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

std::vector<std::string> texts() {
  std::vector<std::string> all;
  const std::string file = setting("LLDM_BENCH_TEXTS", "");
  std::ifstream lines(file.empty() ? LLDM_BENCH_SOURCE_DIR "/docs/configuration.md" : file);
  for (std::string line; std::getline(lines, line);)
    all.push_back(file.empty() ? line : nlohmann::json::parse(line).get<std::string>());
  return all;
}

void encode(benchmark::State& state, const std::string& path) {
  const auto tokenizer = open_tokenizer(path, {.missing_symbol = MissingSymbol::drop});
  const auto all = texts();
  std::int64_t bytes = 0, ids = 0;
  for (const std::string& text : all) bytes += static_cast<std::int64_t>(text.size());
  for (auto _ : state) {
    ids = 0;
    for (const std::string& text : all)
      ids += static_cast<std::int64_t>(tokenizer->encode(text).size());
  }
  state.SetBytesProcessed(bytes * state.iterations());
  state.counters["ids"] = static_cast<double>(ids);
}

void decode(benchmark::State& state, const std::string& path) {
  const auto tokenizer = open_tokenizer(path, {.missing_symbol = MissingSymbol::drop});
  std::vector<std::vector<std::int64_t>> all;
  for (const std::string& text : texts()) all.push_back(tokenizer->encode(text));
  std::int64_t bytes = 0;
  for (auto _ : state)
    for (const auto& ids : all)
      bytes += static_cast<std::int64_t>(tokenizer->decode(ids, false).size());
  state.SetBytesProcessed(bytes);
}

void add(const std::string& name, const std::string& path) {
  benchmark::RegisterBenchmark(("encode/" + name).c_str(), encode, path)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark(("decode/" + name).c_str(), decode, path)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  const std::string path = setting("LLDM_BENCH_TOKENIZER", "");
  if (!path.empty()) {
    add("given", path);
  } else {
    const std::string golden = LLDM_BENCH_SOURCE_DIR "/tests/golden/data";
    for (const char* kind : {"qwen", "llama2", "t5", "bert_uncased", "word_level"})
      add(kind, golden + "/tokenizer_kinds/" + kind);
    for (const char* kind : {"bpe_llama", "unigram"})
      add(std::string("sentencepiece_") + kind, golden + "/sentencepiece/" + kind);
  }
  benchmark::RunSpecifiedBenchmarks();
}
