// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "lldm/experiment/experiment.hpp"
#include "lldm/experiment/grid.hpp"

namespace lldm {

/// Fills `words` of every experiment: for each stage that makes a model whose vocabulary is the
/// words of the file's data (of all stages, and of all cells of a grid), the vocabulary's
/// fingerprint.  So a stage that another stage's data would give other token ids is another piece
/// of work.  "unread" where a file is missing or wrong, which is told when it is needed.
void hash_vocabularies(const std::vector<Cell>& cells, std::vector<Experiment>& experiments,
                       const Registry& registry);

}  // namespace lldm
