// SPDX-License-Identifier: MIT
#include "run/vocabulary_hash.hpp"

#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/tokenizer/load.hpp"
#include "stage/data_source.hpp"

namespace lldm {
namespace {

bool makes_vocabulary(const Experiment& experiment, const Stage& stage) {
  const TokenizerOptions& tokenizer = experiment.options.tokenizer;
  return stage.facts.trains_new_model() && experiment.options.model.path.empty() &&
         tokenizer.type == TokenizerType::words && tokenizer.path.empty();
}

/// Equal where a cell's own part of the vocabulary is.
std::string own_sources(const Experiment& experiment, const Stage& stage, std::int64_t seed) {
  std::string text = message(stage.name, " ", seed, "\n");
  for (const Stage& other : experiment.stages)
    for (const char* key : {"data", "task", "pairs", "prompts"})
      if (const config::Member* member = other.resolved.find(key))
        text += std::string(key) + "=" + config::to_toml(member->value) + "\n";
  return text;
}

std::string hash_of(const RunSchedule& schedule, const Work& work, const Registry& registry) {
  const Services services{registry, Draws(static_cast<std::uint64_t>(work.seed), work.stage)};
  bool reads_stage = false;
  try {
    const std::vector<std::string> texts =
        vocabulary_of(schedule, work, services, [&](const DataOptions&) {
          reads_stage = true;  // rows that are not made yet: their work's hash stands for them
          return std::vector<SourceRow>();
        });
    if (!reads_stage)
      return make_tokenizer(schedule.experiments[work.experiment].options.tokenizer, texts)
          ->fingerprint();
    Sha256 hash;  // how often each word comes decides the order of ids
    for (const std::string& text : texts) hash.update(text + "\n");
    return hash.hex();
  } catch (const std::exception&) {
    return "unread";
  }
}

}  // namespace

void hash_vocabularies(const std::vector<Cell>& cells, std::vector<Experiment>& experiments,
                       const Registry& registry) {
  std::map<std::string, std::string> known;
  RunSchedule schedule;
  for (std::size_t c = 0; c < experiments.size(); ++c) {
    Experiment& experiment = experiments[c];
    bool varies = cells[c].seed_from.empty();
    for (const Stage& stage : experiment.stages) {
      varies = varies || stage.name == cells[c].seed_from;
      if (!makes_vocabulary(experiment, stage)) continue;
      if (schedule.experiments.empty()) schedule.experiments = experiments;
      Work work;
      work.stage = stage.name;
      work.seed = varies ? cells[c].seed : experiment.options.seed;
      work.experiment = c;
      const std::string sources = own_sources(experiment, stage, work.seed);
      auto at = known.find(sources);
      if (at == known.end()) at = known.emplace(sources, hash_of(schedule, work, registry)).first;
      experiment.words[stage.name] = at->second;
    }
  }
}

}  // namespace lldm
