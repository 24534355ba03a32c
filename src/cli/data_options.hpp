// SPDX-License-Identifier: MIT
// What the commands of data have in common.
#pragma once

#include <memory>
#include <string>

#include "cli/command.hpp"
#include "lldm/concepts/tokenizer.hpp"
#include "lldm/data/rows.hpp"

namespace lldm::cli {

/// --columns and --format.
RowReaderOptions reader_of(const Arguments& arguments);

/// --tokenizer: a model folder, a tokenizer's file, or "bytes"; null where it is not given.
std::shared_ptr<const Tokenizer> tokenizer_of(const Arguments& arguments);

}  // namespace lldm::cli
