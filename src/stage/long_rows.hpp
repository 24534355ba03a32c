// SPDX-License-Identifier: MIT
// Rows that are longer than the model, or than their canvas, takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stage/data_source.hpp"

namespace lldm {

/// The answers of one row as tokens, before their canvas; of a text the response alone.
using EncodedRow = std::vector<Encoded>;

/// Cuts rows as `rule.long_rows` says, or leaves them out of both lists; what is left fits.  A row
/// that would keep no token of an answer, whose prompt would vanish, or whose answers are alike
/// once cut, is left out: nothing without a trainable token goes on.
///
/// `error` leaves everything as it is: the lists of `fit_to_canvas` and `check_lengths` refuse it.
LongRowCounts treat_long_rows(std::vector<SourceRow>& sources, std::vector<EncodedRow>& rows,
                              const CanvasRule& rule);

}  // namespace lldm
